//! What a file claims against what it holds.

/// Rows or columns that are believed whatever the entries.
const FREE: usize = 1 << 20;
/// Rows or columns an entry that are believed beyond.
const PER_ENTRY: usize = 16;

/// Refuses sizes that so few entries do not justify: memory and time go by what a file holds, not by what it says. A
/// matrix of millions of rows has an entry in most of them.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn believed(rows: usize, columns: usize, entries: usize) -> Result<(), String> {
    let most = FREE.max(PER_ENTRY.saturating_mul(entries));
    match rows.max(columns) {
        size if size > most => Err(format!(
            "a {rows} × {columns} matrix of {entries} entries: with so few at most {most} rows and columns are believed"
        )),
        _ => Ok(()),
    }
}
