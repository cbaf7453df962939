//! Aligned columns without lines.

use std::borrow::Cow;

use comfy_table::{CellAlignment, ContentArrangement, presets};

/// A table for people.
#[derive(Debug)]
pub(crate) struct Table {
    inner: comfy_table::Table,
    widest: usize,
}

impl Table {
    /// A table of these columns; one whose name begins with `>` is aligned to the right.
    pub(crate) fn new<S: AsRef<str>>(columns: &[S]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let names = columns.iter().map(|name| name.as_ref());
        inner.set_header(names.clone().map(|name| clean(name.strip_prefix('>').unwrap_or(name), usize::MAX)));
        for (name, column) in names.zip(inner.column_iter_mut()) {
            column.set_padding((0, 2));
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { inner, widest: usize::MAX }
    }

    /// Cuts cells that are wider.
    pub(crate) fn widest(self, widest: usize) -> Self {
        Self { widest, ..self }
    }

    pub(crate) fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        let widest = self.widest;
        self.inner.add_row(cells.iter().map(|cell| clean(cell.as_ref(), widest)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner.row_count() == 0
    }

    pub(crate) fn render(&self) -> String {
        self.inner.trim_fmt()
    }
}

// Data must not steer the terminal, and a row is one line.
fn clean(text: &str, widest: usize) -> Cow<'_, str> {
    let plain = !text.chars().any(char::is_control);
    if plain && (text.len() <= widest || text.chars().count() <= widest) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(widest));
    for (at, char) in text.chars().enumerate() {
        if at + 1 >= widest {
            out.push('…');
            break;
        }
        if char.is_control() { out.extend(char.escape_default()) } else { out.push(char) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        let mut table = Table::new(&["NAME", ">ROWS", "STATE"]);
        table.row(&["a", "1", "ok"]);
        table.row(&["longer", "1,234", ""]);
        assert_eq!(table.render(), "NAME     ROWS  STATE\na           1  ok\nlonger  1,234");
    }

    #[test]
    fn a_cell_is_one_line_and_can_not_steer_the_terminal() {
        let mut table = Table::new(&["A"]).widest(8);
        table.row(&["x\ny\u{1b}[2J"]);
        table.row(&["123456789"]);
        let text = table.render();
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.ends_with("1234567…"), "{text}");
    }
}
