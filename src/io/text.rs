//! Tables as text.

use comfy_table::{CellAlignment, Table, presets};

/// Rows as columns two spaces apart, the first `left` of them to the left, the others to the right; indented by two.
pub fn aligned(rows: &[Vec<String>], left: usize) -> String {
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
}
