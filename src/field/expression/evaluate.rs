//! A read expression, evaluated in blocks of points.

use super::parse::{self, Malformed};
use super::{BLOCK, Step};

/// An expression of coordinates and named numbers.
#[derive(Debug, Clone)]
pub struct Expression {
    steps: Vec<Step>,
    /// Values on the stack at most.
    deepest: usize,
}

impl Expression {
    /// Reads an expression in the first `dim` of x, y, z and the given names.
    ///
    /// # Errors
    /// [`Malformed`] with the character that cannot be read.
    ///
    /// ```
    /// use fempipe::field::expression::Expression;
    /// let f = Expression::new("a - x^2", 1, &["a"]).unwrap();
    /// let mut out = Vec::new();
    /// f.evaluate(&[[0.0], [2.0]], &[1.0], &mut out);
    /// assert_eq!(out, [1.0, -3.0]);
    /// assert_eq!(Expression::new("sin(x", 1, &[]).unwrap_err().at, 6);
    /// ```
    pub fn new(text: &str, dim: usize, names: &[&str]) -> Result<Self, Malformed> {
        let steps = parse::steps(text, dim, names)?;
        let (mut there, mut deepest) = (0usize, 0);
        for step in &steps {
            there = match step {
                Step::Number(_) | Step::Coordinate(_) | Step::Name(_) => there + 1,
                Step::One(_) => there,
                Step::Two(_) => there - 1,
                Step::Three(_) => there - 2,
            };
            deepest = deepest.max(there);
        }
        Ok(Expression { steps, deepest })
    }

    /// Whether it depends on the name at this place.
    pub fn uses(&self, name: usize) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Name(place) if *place == name))
    }

    /// Its value, if it depends on neither coordinates nor names.
    pub fn constant(&self) -> Option<f64> {
        let depends = |step: &Step| matches!(step, Step::Name(_) | Step::Coordinate(_));
        if self.steps.iter().any(depends) {
            return None;
        }
        let mut out = Vec::with_capacity(1);
        self.evaluate::<1>(&[[0.0]], &[], &mut out);
        out.first().copied()
    }

    /// `out` ← its values at the points, the names having the given values.
    ///
    /// # Panics
    /// If there are fewer coordinates or values than the expression was read for.
    pub fn evaluate<const D: usize>(&self, points: &[[f64; D]], names: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.reserve(points.len());
        let mut stack = vec![[0.0; BLOCK]; self.deepest];
        for points in points.chunks(BLOCK) {
            self.block(points, names, &mut stack);
            out.extend_from_slice(&stack[0][..points.len()]);
        }
    }

    /// The values of one block, into the lowest place of the stack.
    fn block<const D: usize>(&self, points: &[[f64; D]], names: &[f64], stack: &mut [[f64; BLOCK]]) {
        let mut top = 0;
        for step in &self.steps {
            match *step {
                Step::Number(v) => {
                    stack[top].fill(v);
                    top += 1;
                }
                Step::Name(place) => {
                    stack[top].fill(names[place]);
                    top += 1;
                }
                Step::Coordinate(d) => {
                    stack[top].iter_mut().zip(points).for_each(|(v, x)| *v = x[d]);
                    top += 1;
                }
                Step::One(f) => stack[top - 1].iter_mut().for_each(|v| *v = f(*v)),
                Step::Two(f) => {
                    let (left, right) = stack.split_at_mut(top - 1);
                    let left = left[top - 2].iter_mut();
                    left.zip(&right[0]).for_each(|(a, b)| *a = f(*a, *b));
                    top -= 1;
                }
                Step::Three(f) => {
                    let (left, right) = stack.split_at_mut(top - 2);
                    let left = left[top - 3].iter_mut();
                    left.zip(&right[0]).zip(&right[1]).for_each(|((a, b), c)| *a = f(*a, *b, *c));
                    top -= 2;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        let mut out = Vec::new();
        Expression::new(text, 3, &["t", "a"]).unwrap().evaluate(&[[3.0, 0.5, -2.0]], &[10.0, 4.0], &mut out);
        out[0]
    }

    #[test]
    fn the_rules_are_those_of_python() {
        for (text, expected) in [
            ("-x^2", -9.0),
            ("-x**2", -9.0),
            ("(-x)^2", 9.0),
            ("2^3^2", 512.0),
            ("2**-1", 0.5),
            ("x^-y^2", 3f64.powf(-0.25)),
            ("2*-x", -6.0),
            ("1/2*x", 1.5),
            ("10 - 2 - 3", 5.0),
            ("8/4/2", 1.0),
            ("1e-3*x", 1e-3 * 3.0),
            (".5 + 2.", 2.5),
            ("sin(pi*y)*t", 10.0),
            ("exp(-(x - 3)^2/2)", 1.0),
            ("log(e)", 1.0),
            ("where(z < 0, a, x)", 4.0),
            ("(z < 0)*(x >= 3)", 1.0),
            ("min(x, y) + max(x, y)", 3.5),
            ("--x", 3.0),
            ("+x - +y", 2.5),
            ("sign(z) + sign(0)", -1.0),
            ("atan2(y, y)", std::f64::consts::FRAC_PI_4),
            ("x < a + 1", 1.0),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn constants_are_those_of_numbers_alone() {
        let constant = |text: &str| Expression::new(text, 2, &["a"]).unwrap().constant();
        for (text, value) in [("0", 0.0), ("1 - 1", 0.0), ("sin(0)*2", 0.0), ("2*pi", std::f64::consts::TAU)] {
            assert_eq!(constant(text), Some(value), "{text}");
        }
        for text in ["0*x", "a - a", "y"] {
            assert_eq!(constant(text), None, "{text}");
        }
    }

    #[test]
    fn blocks_are_all_evaluated() {
        let points: Vec<[f64; 2]> = (0..1000).map(|k| [f64::from(k), f64::from(k % 7)]).collect();
        let mut out = vec![1.0; 3];
        Expression::new("x*y + a", 2, &["a"]).unwrap().evaluate(&points, &[0.5], &mut out);
        assert!(out.len() == 1000 && out.iter().zip(&points).all(|(v, [x, y])| *v == x * y + 0.5));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(-|\\+|\\*|/|\\^|\\(|\\)|,|<|=|[0-9.e]|x|y|a|é| |sin\\(|min\\(|where\\(){0,25}") {
            let mut out = Vec::new();
            if let Ok(e) = Expression::new(&text, 2, &["a"]) {
                e.evaluate(&[[0.5, 2.0]; 3], &[1.0], &mut out);
                proptest::prop_assert_eq!(out.len(), 3);
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let deep = "(".repeat(100_000);
        let signs = "-".repeat(100_000);
        for (text, at, part) in [
            ("", 1, "ends where"),
            ("x +", 4, "ends where"),
            ("sin(x", 6, "closing bracket is missing for the one at character 4"),
            ("(1 + 2", 7, "for the one at character 1"),
            ("x)", 2, "without an opening"),
            ("2x", 2, "operator is missing before 'x'"),
            ("2 3", 3, "operator is missing"),
            ("2e", 2, "operator is missing"),
            ("sin x", 1, "is a function"),
            ("sn(x)", 1, "unknown function \"sn\" (known: sin, cos"),
            ("x + b", 5, "unknown name \"b\" (known: x, y, a, pi, e)"),
            ("z", 1, "\"z\" in 2 dimensions"),
            ("é*x", 1, "unknown name \"é\""),
            ("xé + $", 1, "unknown name"),
            ("x + é$", 5, "unknown name"),
            ("x*$", 3, "'$' where"),
            ("min(x)", 1, "takes 2 arguments, not 1"),
            ("sin()", 1, "takes 1 arguments, not 0"),
            ("x == y", 3, "comparisons are"),
            ("0 < x < 1", 7, "not chained"),
            (".", 1, "is no number"),
            ("1979-05-27", 6, "does not begin with 0"),
            ("1.2.3", 4, "operator is missing"),
            ("x(y)", 1, "unknown function \"x\""),
            (&deep, 202, "nested more"),
            (&signs, 202, "nested more"),
        ] {
            let e = Expression::new(text, 2, &["a"]).unwrap_err();
            let shown: String = text.chars().take(20).collect();
            assert!(e.reason.contains(part), "{shown}: {e}");
            assert_eq!(e.at, at, "{shown}: {e}");
        }
    }
}
