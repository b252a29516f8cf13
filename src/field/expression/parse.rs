//! From a text to the steps of its evaluation, by recursive descent.

use super::Step;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The character that cannot be read, from 1; one past the end where something is missing there.
    pub at: usize,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "character {}: {}", self.at, self.reason)
    }
}

/// Names of coordinates.
const COORDINATES: [&str; 3] = ["x", "y", "z"];

const CONSTANTS: [(&str, f64); 2] = [("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

type One = fn(f64) -> f64;
type Two = fn(f64, f64) -> f64;
type Three = fn(f64, f64, f64) -> f64;

const OF_ONE: [(&str, One); 18] = [
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("asin", f64::asin),
    ("acos", f64::acos),
    ("atan", f64::atan),
    ("sinh", f64::sinh),
    ("cosh", f64::cosh),
    ("tanh", f64::tanh),
    ("exp", f64::exp),
    ("log", f64::ln),
    ("log10", f64::log10),
    ("log2", f64::log2),
    ("sqrt", f64::sqrt),
    ("abs", f64::abs),
    ("floor", f64::floor),
    ("ceil", f64::ceil),
    ("sign", sign),
];

const OF_TWO: [(&str, Two); 5] =
    [("atan2", f64::atan2), ("hypot", f64::hypot), ("min", f64::min), ("max", f64::max), ("pow", power)];

const OF_THREE: [(&str, Three); 1] = [("where", choose)];

/// Operators that compare.
const COMPARISONS: [(&str, Two); 4] = [
    ("<=", |a, b| f64::from(a <= b)),
    (">=", |a, b| f64::from(a >= b)),
    ("<", |a, b| f64::from(a < b)),
    (">", |a, b| f64::from(a > b)),
];

/// −1, 0 or 1, as NumPy has it.
fn sign(v: f64) -> f64 {
    if v == 0.0 { 0.0 } else { v.signum() }
}

fn choose(condition: f64, yes: f64, no: f64) -> f64 {
    if condition == 0.0 { no } else { yes }
}

/// aᵇ; small whole powers by products, which are exact where powf's last bit is not.
fn power(a: f64, b: f64) -> f64 {
    match b {
        2.0 => a * a,
        3.0 => a * a * a,
        _ => a.powf(b),
    }
}

/// Nested brackets, signs and powers at most: far more than anyone writes, far less than the call stack holds.
const DEEPEST: usize = 200;

/// Whether a name has a meaning in expressions already.
pub fn is_reserved(name: &str) -> bool {
    COORDINATES.contains(&name)
        || CONSTANTS.iter().any(|c| c.0 == name)
        || functions().any(|function| function == name)
        || name == "t"
}

fn functions() -> impl Iterator<Item = &'static str> {
    OF_ONE.iter().map(|f| f.0).chain(OF_TWO.iter().map(|f| f.0)).chain(OF_THREE.iter().map(|f| f.0))
}

/// The steps of a text in `dim` coordinates and the names.
pub(super) fn steps(text: &str, dim: usize, names: &[&str]) -> Result<Vec<Step>, Malformed> {
    let mut parser = Parser { text, at: 0, dim, names, depth: 0, steps: Vec::new() };
    parser.comparison()?;
    parser.skip();
    match parser.rest().chars().next() {
        None => Ok(parser.steps),
        Some(')') => Err(parser.bad("a closing bracket without an opening one")),
        Some('=' | '!') => Err(parser.bad("comparisons are <, <=, > and >=")),
        Some(c) => Err(parser.bad(format!("an operator is missing before {c:?}"))),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    dim: usize,
    names: &'a [&'a str],
    depth: usize,
    steps: Vec<Step>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn bad(&self, reason: impl Into<String>) -> Malformed {
        self.bad_at(self.at, reason)
    }

    fn bad_at(&self, at: usize, reason: impl Into<String>) -> Malformed {
        Malformed { at: self.text[..at].chars().count() + 1, reason: reason.into() }
    }

    fn skip(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether the text goes on with `symbol`, which is then behind.
    fn take(&mut self, symbol: &str) -> bool {
        self.skip();
        let there = self.rest().starts_with(symbol);
        self.at += if there { symbol.len() } else { 0 };
        there
    }

    fn deeper(&mut self, inner: fn(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.bad(format!("nested more than {DEEPEST} deep")));
        }
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn comparison(&mut self) -> Result<(), Malformed> {
        self.sum()?;
        self.skip();
        if self.rest().starts_with("==") || self.rest().starts_with("!=") {
            return Err(self.bad("comparisons are <, <=, > and >="));
        }
        let Some(&(symbol, compare)) = COMPARISONS.iter().find(|c| self.rest().starts_with(c.0)) else {
            return Ok(());
        };
        self.at += symbol.len();
        self.sum()?;
        self.steps.push(Step::Two(compare));
        self.skip();
        match COMPARISONS.iter().any(|c| self.rest().starts_with(c.0)) {
            true => Err(self.bad("comparisons are not chained: multiply them, (0 < x)*(x < 1)")),
            false => Ok(()),
        }
    }

    fn sum(&mut self) -> Result<(), Malformed> {
        self.product()?;
        loop {
            if self.take("+") {
                self.product()?;
                self.steps.push(Step::Two(|a, b| a + b));
            } else if self.take("-") {
                self.product()?;
                self.steps.push(Step::Two(|a, b| a - b));
            } else {
                return Ok(());
            }
        }
    }

    fn product(&mut self) -> Result<(), Malformed> {
        self.signed()?;
        loop {
            if self.take("*") {
                self.signed()?;
                self.steps.push(Step::Two(|a, b| a * b));
            } else if self.take("/") {
                self.signed()?;
                self.steps.push(Step::Two(|a, b| a / b));
            } else {
                return Ok(());
            }
        }
    }

    /// A sign, which binds less tightly than a power.
    fn signed(&mut self) -> Result<(), Malformed> {
        if self.take("-") {
            self.deeper(Self::signed)?;
            self.steps.push(Step::One(|a| -a));
            return Ok(());
        }
        match self.take("+") {
            true => self.deeper(Self::signed),
            false => self.raised(),
        }
    }

    /// A value, to a power or not.
    fn raised(&mut self) -> Result<(), Malformed> {
        self.value()?;
        if self.take("**") || self.take("^") {
            self.deeper(Self::signed)?;
            self.steps.push(Step::Two(power));
        }
        Ok(())
    }

    fn value(&mut self) -> Result<(), Malformed> {
        self.skip();
        match self.rest().chars().next() {
            None => Err(self.bad("ends where a number, a name or a bracket is missing")),
            Some('(') => {
                let open = self.at;
                self.at += 1;
                self.deeper(Self::comparison)?;
                self.close(open)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name(),
            Some(c) => Err(self.bad(format!("{c:?} where a number, a name or a bracket is missing"))),
        }
    }

    fn close(&mut self, open: usize) -> Result<(), Malformed> {
        if self.take(")") {
            return Ok(());
        }
        let opened = self.bad_at(open, "").at;
        Err(self.bad(format!("a closing bracket is missing for the one at character {opened}")))
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let rest = self.rest().as_bytes();
        let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = digits(0);
        if rest.get(end) == Some(&b'.') {
            end += 1;
            end += digits(end);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = if end + 1 + sign <= rest.len() { digits(end + 1 + sign) } else { 0 };
            // "2e" is 2 before a name: an operator is missing.
            end += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let text = &self.rest()[..end];
        if text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.bad(format!("{text:?}: a whole number does not begin with 0")));
        }
        let value = text.parse().map_err(|_| self.bad(format!("{text:?} is no number")))?;
        self.at += end;
        self.steps.push(Step::Number(value));
        Ok(())
    }

    fn name(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        let name = self.rest();
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        let name = &name[..end];
        self.at += end;
        self.skip();
        if self.rest().starts_with('(') {
            return self.call(start, name);
        }
        if let Some(d) = COORDINATES[..self.dim].iter().position(|c| *c == name) {
            self.steps.push(Step::Coordinate(d));
        } else if let Some(place) = self.names.iter().position(|known| *known == name) {
            self.steps.push(Step::Name(place));
        } else if let Some((_, value)) = CONSTANTS.iter().find(|c| c.0 == name) {
            self.steps.push(Step::Number(*value));
        } else {
            return Err(self.bad_at(start, self.unknown(name)));
        }
        Ok(())
    }

    fn unknown(&self, name: &str) -> String {
        if COORDINATES.contains(&name) {
            return format!("{name:?} in {} dimensions", self.dim);
        }
        if functions().any(|function| function == name) {
            return format!("{name:?} is a function: its argument in brackets is missing");
        }
        let known = COORDINATES[..self.dim].iter().chain(self.names).chain(CONSTANTS.iter().map(|c| &c.0));
        format!("unknown name {name:?} (known: {})", known.copied().collect::<Vec<_>>().join(", "))
    }

    fn call(&mut self, start: usize, name: &str) -> Result<(), Malformed> {
        let find = |arguments: usize| match arguments {
            1 => OF_ONE.iter().find(|f| f.0 == name).map(|f| Step::One(f.1)),
            2 => OF_TWO.iter().find(|f| f.0 == name).map(|f| Step::Two(f.1)),
            3 => OF_THREE.iter().find(|f| f.0 == name).map(|f| Step::Three(f.1)),
            _ => None,
        };
        let Some(wanted) = (1..=3).find(|&n| find(n).is_some()) else {
            let known: Vec<&str> = functions().collect();
            let reason = format!("unknown function {name:?} (known: {})", known.join(", "));
            return Err(self.bad_at(start, reason));
        };
        let open = self.at;
        self.at += 1;
        let mut given = 0;
        if !self.take(")") {
            loop {
                self.deeper(Self::comparison)?;
                given += 1;
                if !self.take(",") {
                    break;
                }
            }
            self.close(open)?;
        }
        match find(given) {
            Some(step) if given == wanted => self.steps.push(step),
            _ => {
                let reason = format!("{name:?} takes {wanted} arguments, not {given}");
                return Err(self.bad_at(start, reason));
            }
        }
        Ok(())
    }
}
