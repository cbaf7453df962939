//! `raw` of JSON records: where each stood, and its exact text.

use polars::prelude::*;

/// Where records stand: the columns of `raw` before `body`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `_file`, `_line`.
    File,
    /// `_page`, `_record`.
    Page,
    /// `_file`, `_record`.
    Record,
}

/// The rows of one chunk.
pub(crate) struct JsonRows {
    place: Place,
    // Each with how many rows in a row are of it; mostly there is one.
    files: Vec<(PlSmallStr, usize)>,
    firsts: Vec<i64>,
    seconds: Vec<i64>,
    bodies: StringChunkedBuilder,
}

impl JsonRows {
    pub(crate) fn new(place: Place) -> Self {
        let bodies = StringChunkedBuilder::new(PlSmallStr::from_static("body"), 0);
        Self { place, files: Vec::new(), firsts: Vec::new(), seconds: Vec::new(), bodies }
    }

    /// Adds a record of a file by its line, or its number.
    pub(crate) fn push_line(&mut self, file: &str, line: u64, body: &str) {
        match self.files.last_mut() {
            Some((last, rows)) if last == file => *rows += 1,
            _ => self.files.push((PlSmallStr::from_str(file), 1)),
        }
        self.seconds.push(line as i64);
        self.bodies.append_value(body);
    }

    /// Adds a record of a page.
    pub(crate) fn push_record(&mut self, page: u64, record: u64, body: &str) {
        self.firsts.push(page as i64);
        self.seconds.push(record as i64);
        self.bodies.append_value(body);
    }

    pub(crate) fn finish(self) -> DataFrame {
        let integers =
            |name: &'static str, values: Vec<i64>| Column::new(PlSmallStr::from_static(name), values);
        let columns = match self.place {
            Place::File => vec![column_of(self.files), integers("_line", self.seconds)],
            Place::Record => vec![column_of(self.files), integers("_record", self.seconds)],
            Place::Page => vec![integers("_page", self.firsts), integers("_record", self.seconds)],
        };
        let body = self.bodies.finish().into_series().into_column();
        DataFrame::new_infer_height(columns.into_iter().chain([body]).collect())
            .expect("three columns of one length and different names")
    }
}

// Rows of one file are one value, not a text a row.
fn column_of(files: Vec<(PlSmallStr, usize)>) -> Column {
    let rows = files.iter().map(|(_, rows)| rows).sum();
    let name = PlSmallStr::from_static("_file");
    if let [(file, _)] = &files[..] {
        return Column::new_scalar(name, Scalar::from(file.clone()), rows);
    }
    let mut builder = StringChunkedBuilder::new(name, rows);
    for (file, rows) in files {
        (0..rows).for_each(|_| builder.append_value(&file));
    }
    builder.finish().into_series().into_column()
}
