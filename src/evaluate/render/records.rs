//! The lines of results.csv and summary.csv as records, numbers as numbers, for tables in other programs.

use serde_json::Value as Json;

use crate::evaluate::columns::{self, Of, Place, Shown, SummaryRow, Value};
use crate::evaluate::sweep::Results;

/// The columns of a line, in their order; null where it has no value.
pub type Record = Vec<(String, Json)>;

/// One record a solve.
pub fn of_solves(results: &Results) -> Vec<Record> {
    let record = |solve| {
        let value = |of: &Of, shown: &Shown| match of {
            Of::Solve(of, _) => json(shown, &of(solve, results)),
            Of::Row(_) => Json::Null,
        };
        columns::shown(Place::ResultsCsv).map(|(c, shown)| (shown.heading(c), value(&c.of, shown))).collect()
    };
    results.solves.iter().map(record).collect()
}

/// One record a summary row: a row of the recipe on a dataset at a tolerance.
pub fn of_rows(rows: &[SummaryRow]) -> Vec<Record> {
    let value = |column, shown: &Shown, row: &SummaryRow| match row.value(column) {
        Value::Missing => shown.of_row(column, row).map_or(Json::Null, Json::from),
        value => json(shown, value),
    };
    let record = |row| columns::shown(Place::SummaryCsv).map(move |(c, s)| (s.heading(c), value(c, s, row))).collect();
    rows.iter().map(record).collect()
}

/// Of quartiles the one number that is shown. What is not finite is null.
fn json(shown: &Shown, value: &Value) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Count(count) => (*count).into(),
        Value::Number(v) => (*v).into(),
        Value::Quartiles(q) => shown.statistic.of(q).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::render::csv as files;
    use crate::evaluate::sample::results;
    use crate::evaluate::summary::summarize;

    /// Every field of the CSV is the text of the same field of the record.
    fn same(csv: &str, records: &[Record]) {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let head: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
        let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), records.len());
        for (line, record) in lines.iter().zip(records) {
            assert_eq!(head, record.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
            for (text, (name, value)) in line.iter().zip(record) {
                match value {
                    Json::Null => assert!(text.is_empty() || text == "NaN", "{name}: {text}"),
                    Json::Number(v) => assert_eq!(text.parse::<f64>().ok(), v.as_f64(), "{name}"),
                    Json::String(v) => assert_eq!(text, v, "{name}"),
                    v => assert_eq!(text, v.to_string(), "{name}"),
                }
            }
        }
    }

    #[test]
    fn records_say_what_the_csv_files_say() {
        let results = results();
        let rows = summarize(&results);
        same(&files::results(&results).unwrap(), &of_solves(&results));
        same(&files::summary(&rows).unwrap(), &of_rows(&rows));
    }
}
