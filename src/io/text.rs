//! Tables and paragraphs as text, within a width.

use std::sync::atomic::{AtomicUsize, Ordering};

use comfy_table::{CellAlignment, Table, presets};

/// Columns of the terminal that is written to; 0 where the width does not matter.
static WIDTH: AtomicUsize = AtomicUsize::new(0);

/// Lets tables be no wider than this from now on: what a terminal is for, where lines that are too long would break.
pub fn set_width(columns: usize) {
    WIDTH.store(columns, Ordering::Relaxed);
}

/// Rows as columns two spaces apart, the first `left` of them to the left, the others to the right; indented by two.
/// Within the width that was set ([`set_width`]), if any: text is wrapped, and columns beyond it follow below.
pub fn aligned(rows: &[Vec<String>], left: usize) -> String {
    match WIDTH.load(Ordering::Relaxed) {
        0 => whole(rows, left),
        width => within(rows, left, width),
    }
}

/// The narrowest that columns of text become.
const NARROW: usize = 16;

fn within(rows: &[Vec<String>], left: usize, width: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let left = left.min(columns);
    let size = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let mut sizes: Vec<usize> = (0..columns).map(size).collect();
    if sizes.iter().map(|w| w + 2).sum::<usize>() <= width {
        return whole(rows, left);
    }
    // Text gives way first, down to where one more column fits.
    let most = sizes[left..].iter().max().map_or(0, |w| w + 2);
    loop {
        let all: usize = sizes.iter().map(|w| w + 2).sum();
        let text: usize = sizes[..left].iter().map(|w| w + 2).sum();
        let Some(widest) = (0..left).max_by_key(|&k| sizes[k]).filter(|&k| sizes[k] > NARROW) else { break };
        if all <= width || (left < columns && text + most <= width / 2) {
            break;
        }
        sizes[widest] -= 1;
    }
    let text: usize = sizes[..left].iter().map(|w| w + 2).sum();
    let mut blocks: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = text;
    for (column, size) in sizes.iter().enumerate().skip(left) {
        if used + size + 2 > width && used > text {
            blocks.push(Vec::new());
            used = text;
        }
        used += size + 2;
        if let Some(block) = blocks.last_mut() {
            block.push(column);
        }
    }
    let block = |numbers: &Vec<usize>| rows.iter().map(|row| lines(row, left, numbers, &sizes)).collect::<String>();
    blocks.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// One row, its first `left` cells wrapped, with some of the other columns.
fn lines(row: &[String], left: usize, numbers: &[usize], sizes: &[usize]) -> String {
    let cell = |k: usize| row.get(k).map_or("", String::as_str);
    let texts: Vec<Vec<String>> = (0..left).map(|k| wrap(cell(k), sizes[k])).collect();
    let height = texts.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let mut out = String::new();
    for i in 0..height {
        let mut line = String::new();
        for (k, lines) in texts.iter().enumerate() {
            let text = lines.get(i).map_or(String::new(), |text| shortened(text, sizes[k]));
            line.push_str(&format!("  {text:<0$}", sizes[k]));
        }
        for &k in numbers.iter().filter(|_| i == 0) {
            line.push_str(&format!("  {:>1$}", cell(k), sizes[k]));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A word that is too long, with a sign that something is missing.
fn shortened(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.into(),
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn whole(rows: &[Vec<String>], left: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        let side = if i < left { CellAlignment::Left } else { CellAlignment::Right };
        column.set_padding((2, 0)).set_cell_alignment(side);
    }
    if rows.is_empty() {
        return String::new();
    }
    table.trim_fmt() + "\n"
}

/// A text in lines of at most `width` characters, broken between words; a longer word is a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn columns_line_up() {
        let rows = [["a", "κκ", "1"], ["ccc", "d", "20"]].map(|r| r.map(String::from).to_vec());
        assert_eq!(aligned(&rows, 2), "  a    κκ   1\n  ccc  d   20\n");
        assert_eq!(aligned(&rows, 1), "  a    κκ   1\n  ccc   d  20\n");
        let rows = [["dataset", ""], ["n", "3"]].map(|r| r.map(String::from).to_vec());
        assert_eq!(aligned(&rows, 1), "  dataset\n  n        3\n");
        assert_eq!(aligned(&[], 1), "");
    }

    #[test]
    fn tables_keep_to_the_width_and_lose_no_number() {
        let head = ["method", "iterations", "seconds", "residual", "failures"];
        let row = ["cg + a preconditioner of a long name, indeed", "12.5 *", "0.125", "1.2e-9", "0"];
        let rows = [head, row].map(|r| r.map(String::from).to_vec());
        for width in [200, 70, 50, 30] {
            let text = super::within(&rows, 1, width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            assert!(row[1..].iter().chain(&head).all(|cell| text.contains(cell)), "{width}\n{text}");
        }
        assert_eq!(super::within(&rows, 1, 200), super::whole(&rows, 1));
        let path = [["datasets/a-very-long-name-of-a-dataset.h5", "1"]].map(|r| r.map(String::from).to_vec());
        assert_eq!(super::within(&path, 1, 24), "  datasets/a-very-lo…  1\n");
        assert_eq!(super::wrap("a bb ccc", 4), ["a bb", "ccc"]);
    }
}
