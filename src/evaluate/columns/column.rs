//! What a column is, and a summary row, which has a value for each.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::evaluate::group::Group;
use crate::evaluate::measure::Solve;
use crate::evaluate::recipe::Target;
use crate::evaluate::seconds::Seconds;
use crate::evaluate::statistics::{Quartiles, Statistic};
use crate::evaluate::sweep::Results;

/// One thing that is told of solves, and where.
pub struct Column {
    /// Its name; that of its column or key where [`Shown::heading`] gives none.
    pub name: &'static str,
    /// Unit of its numbers, "" for pure ones and texts.
    pub unit: &'static str,
    /// What it is, in one line.
    pub help: &'static str,
    /// Where it is read.
    pub of: Of,
    /// Every place that shows it, with the statistic and format.
    pub shown: &'static [Shown],
}

/// What a column is read from.
pub enum Of {
    /// Each solve has one; those of a summary row are brought together as the second says.
    Solve(fn(&Solve, &Results) -> Value, Summary),
    /// A summary row has one: counts, condition numbers, comparisons.
    Row(fn(&Group) -> Value),
}

impl Of {
    /// The value of a summary row.
    fn of(&self, group: &Group) -> Value {
        let over = |of: fn(&Solve, &Results) -> Value, all: bool| {
            let number = |s: &Solve| of(s, group.results).number().filter(|_| all || s.converged);
            group.quartiles(number).map_or(Value::Missing, Value::Quartiles)
        };
        match self {
            Of::Row(of) | Of::Solve(_, Summary::By(of)) => of(group),
            Of::Solve(_, Summary::None) => Value::Missing,
            Of::Solve(_, Summary::Timed(of)) => group.timed(*of).map_or(Value::Missing, Value::Quartiles),
            Of::Solve(of, Summary::Same) => of(group.solves[0], group.results),
            Of::Solve(of, Summary::Converged) => over(*of, false),
            Of::Solve(of, Summary::All) => over(*of, true),
            Of::Solve(of, Summary::AtLeast(failed)) => {
                let of = |s: &Solve| if s.converged { of(s, group.results) } else { failed(s, group.results) };
                group.quartiles(|s| of(s).number()).map_or(Value::Missing, Value::Quartiles)
            }
        }
    }
}

/// How the solves of a summary row give one value.
pub enum Summary {
    /// They don't: the column is one of results.csv alone.
    None,
    /// They agree.
    Same,
    /// Quartiles over those that converged.
    Converged,
    /// Quartiles over all that have a number.
    All,
    /// Quartiles over all, where of one that failed the given number counts: less than what a solution would have
    /// taken, so that tables show the statistics of a row with failures as lower bounds.
    AtLeast(fn(&Solve, &Results) -> Value),
    /// Quartiles over the seconds of all, with the noise that several rounds tell of; of one that failed those that it
    /// took count, and tables show lower bounds.
    Timed(fn(&Seconds) -> Option<f64>),
    /// In a way of its own.
    By(fn(&Group) -> Value),
}

/// What stands in a column. As JSON: null, or the plain value.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    /// There is none.
    Missing,
    /// A name or a remark.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Count(usize),
    /// A number in the column's unit.
    Number(f64),
    /// The numbers of several solves.
    Quartiles(Quartiles),
}

impl Value {
    /// A number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Count(c) => Some(*c as f64),
            Value::Number(v) => Some(*v),
            _ => None,
        }
    }
}

impl From<Option<f64>> for Value {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Value::Missing, Value::Number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

/// A place that shows columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One line a solve.
    ResultsCsv,
    /// One line a summary row.
    SummaryCsv,
    /// One object a summary row.
    SummaryJson,
    /// The table on the console.
    Console,
    /// A sentence under that table, for each row that has something to say.
    Note,
    /// The tables of report.html.
    Html,
    /// Those of tables.md and tables.tex.
    Paper,
}

/// How one place shows a column.
#[derive(Clone, Copy)]
pub struct Shown {
    /// The place.
    pub place: Place,
    /// The column's head or key; "" for one made of its name and the statistic.
    pub heading: &'static str,
    /// Which number of quartiles.
    pub statistic: Statistic,
    /// How numbers are written.
    pub format: Format,
    /// Rows that stand out.
    pub mark: Mark,
    /// Left out of a table in which no row has a value.
    pub optional: bool,
}

/// How a value is written; the first five are for numbers.
#[derive(Clone, Copy)]
pub enum Format {
    /// Shortest digits that give the same number.
    Plain,
    /// The same with an exponent.
    Exponent,
    /// Digits after the point.
    Fixed(usize),
    /// Digits after the point, with an exponent.
    Scientific(usize),
    /// Seconds as milliseconds with three digits.
    Milliseconds,
    /// Whole numbers as such, others with one digit.
    Short,
    /// A text of its own, which may draw on other columns; empty for none.
    By(fn(&SummaryRow) -> String),
}

/// Which rows a place marks in this column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// In no table.
    Never,
    /// The winner by iterations.
    FewestIterations,
    /// The winner by time.
    LeastTime,
    /// Rows with failures.
    Failures,
}

/// Shown at a place under its own name.
pub const fn at(place: Place, statistic: Statistic, format: Format) -> Shown {
    Shown { place, heading: "", statistic, format, mark: Mark::Never, optional: false }
}

/// Where a statistic of solves is shown if nothing speaks for other places: in every file, and in the report's tables
/// of rows that have it.
pub const STATISTIC: &[Shown] = &[
    at(Place::ResultsCsv, Statistic::Whole, Format::Exponent),
    at(Place::SummaryCsv, Statistic::Mean, Format::Plain),
    at(Place::SummaryCsv, Statistic::Median, Format::Plain),
    at(Place::SummaryCsv, Statistic::Max, Format::Plain),
    at(Place::SummaryJson, Statistic::Whole, Format::Plain),
    at(Place::Html, Statistic::Mean, Format::Scientific(2)).optional(),
    at(Place::Html, Statistic::Max, Format::Scientific(2)).optional(),
];

impl Shown {
    /// Under another heading.
    pub const fn named(self, heading: &'static str) -> Self {
        Shown { heading, ..self }
    }

    /// With rows marked.
    pub const fn marked(self, mark: Mark) -> Self {
        Shown { mark, ..self }
    }

    /// Only in tables where some row has a value.
    pub const fn optional(self) -> Self {
        Shown { optional: true, ..self }
    }

    /// Head of the column, or key.
    pub fn heading(&self, column: &Column) -> String {
        match (self.heading, self.statistic.suffix()) {
            ("", "") => column.name.into(),
            ("", suffix) if matches!(self.place, Place::Html | Place::Paper) => {
                format!("{}, {suffix}", column.name.replace('_', " "))
            }
            ("", suffix) => format!("{}_{suffix}", column.name),
            (heading, _) => heading.into(),
        }
    }

    /// The value as text; None where there is none.
    pub fn text(&self, value: &Value) -> Option<String> {
        match value {
            Value::Missing => None,
            Value::Text(text) => Some(text.clone()),
            Value::Flag(flag) => Some(flag.to_string()),
            Value::Count(count) => Some(self.format.number(*count as f64)),
            Value::Number(v) => Some(self.format.number(*v)),
            Value::Quartiles(q) => Some(match self.statistic {
                Statistic::Range => {
                    let dash = if self.place == Place::Html { "–" } else { "-" };
                    format!("{}{dash}{}", self.format.number(q.q1), self.format.number(q.q3))
                }
                Statistic::MedianInterval => {
                    let [median, low, high] =
                        [q.median, q.median_interval.low, q.median_interval.high].map(|v| self.format.number(v));
                    format!("{median} [{low}, {high}]")
                }
                statistic => self.format.number(statistic.of(q)),
            }),
        }
    }

    /// The text of a summary row; None where it has none.
    pub fn of_row(&self, column: &Column, row: &SummaryRow) -> Option<String> {
        match self.format {
            Format::By(text) => Some(text(row)).filter(|t| !t.is_empty()),
            _ => self.text(row.value(column)).map(|text| match (&column.of, self.place, row.failures) {
                (_, _, 0) => text,
                (Of::Solve(_, Summary::AtLeast(_) | Summary::Timed(_)), Place::Console, _) => format!(">= {text}"),
                (Of::Solve(_, Summary::AtLeast(_) | Summary::Timed(_)), Place::Html | Place::Paper, _) => {
                    format!("≥ {text}")
                }
                _ => text,
            }),
        }
    }
}

impl Format {
    fn number(self, v: f64) -> String {
        match self {
            Format::Plain | Format::By(_) => format!("{v}"),
            Format::Exponent => format!("{v:e}"),
            Format::Fixed(digits) => format!("{v:.digits$}"),
            Format::Scientific(digits) => format!("{v:.digits$e}"),
            Format::Milliseconds => format!("{:.3}", 1e3 * v),
            Format::Short if v.fract() == 0.0 => format!("{v:.0}"),
            Format::Short => format!("{v:.1}"),
        }
    }
}

/// What all solves of a [`Group`] come to: a value for every column. As JSON: the columns of [`Place::SummaryJson`].
#[derive(Clone)]
pub struct SummaryRow {
    /// Number of the dataset in the recipe.
    pub dataset: usize,
    /// Number of the row in the recipe.
    pub row: usize,
    /// What was to be reached.
    pub target: Target,
    /// Solves that did not converge.
    pub failures: usize,
    values: Vec<(&'static Column, Value)>,
}

impl SummaryRow {
    /// The values of the given columns.
    pub fn of(group: &Group, columns: &[&'static Column]) -> Self {
        SummaryRow {
            dataset: group.dataset,
            row: group.row,
            target: group.target,
            failures: group.failures(),
            values: columns.iter().map(|column| (*column, column.of.of(group))).collect(),
        }
    }

    /// The value of a column; missing where the row has none.
    pub fn value(&self, column: &Column) -> &Value {
        let found = self.values.iter().find(|(c, _)| std::ptr::eq(*c, column));
        found.map_or(&Value::Missing, |(_, value)| value)
    }

    /// Its number, if it is one.
    pub fn number(&self, column: &Column) -> Option<f64> {
        self.value(column).number()
    }

    /// Its count; 0 if it is none.
    pub fn count(&self, column: &Column) -> usize {
        match self.value(column) {
            Value::Count(count) => *count,
            _ => 0,
        }
    }

    /// Its text; "" if it is none.
    pub fn text(&self, column: &Column) -> &str {
        match self.value(column) {
            Value::Text(text) => text,
            _ => "",
        }
    }

    /// Its quartiles, if it has them.
    pub fn quartiles(&self, column: &Column) -> Option<Quartiles> {
        match self.value(column) {
            Value::Quartiles(q) => Some(*q),
            _ => None,
        }
    }
}

impl Serialize for SummaryRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (column, value) in &self.values {
            for shown in column.shown.iter().filter(|s| s.place == Place::SummaryJson) {
                map.serialize_entry(&shown.heading(column), value)?;
            }
        }
        map.end()
    }
}
