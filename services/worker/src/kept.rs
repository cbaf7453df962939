//! Row groups of `main`, encoded by the types that seemed right when they were read. They wait for the schema to be settled:
//! in memory up to a bound, then in a scratch file. What turns out to have another type is encoded again from its original.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use polars::prelude::{Column, DataType, PlSmallStr, PolarsResult};

use crate::{
    encode::{Encoded, Form},
    sheet::Sheet,
};

/// A column of a row group.
#[derive(Debug)]
pub(crate) struct KeptColumn {
    pub name: PlSmallStr,
    pub encoded: Encoded,
    pub original: Original,
}

/// Where the values as they were read are found again.
#[derive(Debug)]
pub(crate) enum Original {
    /// They are those that were encoded.
    Same,
    /// They are the text of the numbers that were encoded.
    Text,
    /// They were encoded beside.
    Apart(Box<Encoded>),
}

impl KeptColumn {
    /// A column whose values are kept as they are.
    pub fn plain(name: PlSmallStr, values: &Column) -> PolarsResult<Self> {
        Ok(Self { name, encoded: Encoded::of(values, Form::Kept)?, original: Original::Same })
    }

    fn sheets_mut(&mut self) -> impl Iterator<Item = &mut Sheet> {
        let apart = match &mut self.original {
            Original::Apart(original) => Some(original.as_mut()),
            Original::Same | Original::Text => None,
        };
        [Some(&mut self.encoded), apart].into_iter().flatten().flat_map(Encoded::sheets_mut)
    }

    /// The values as they were read.
    pub fn original(&self, rows: usize, scratch: Option<&File>) -> PolarsResult<Column> {
        match &self.original {
            Original::Same => self.encoded.decode(&self.name, rows, scratch),
            Original::Text => self.encoded.decode(&self.name, rows, scratch)?.cast(&DataType::String),
            Original::Apart(original) => original.decode(&self.name, rows, scratch),
        }
    }
}

/// A row group.
#[derive(Debug)]
pub(crate) struct KeptGroup {
    pub rows: usize,
    pub columns: Vec<KeptColumn>,
}

/// Row groups in memory and in a file.
#[derive(Debug)]
pub(crate) struct Kept {
    path: PathBuf,
    limit: usize,
    held: usize,
    scratch: Option<File>,
    written: u64,
    groups: Vec<KeptGroup>,
}

impl Kept {
    /// None yet; about `limit` bytes of pages stay in memory.
    pub fn new(folder: &Path, name: &str, limit: usize) -> Self {
        let path = folder.join(format!("{name}.pages"));
        Self { path, limit, held: 0, scratch: None, written: 0, groups: Vec::new() }
    }

    /// Keeps a group behind those kept before.
    pub fn push(&mut self, mut group: KeptGroup) -> PolarsResult<()> {
        let bytes: usize =
            group.columns.iter_mut().flat_map(KeptColumn::sheets_mut).map(|sheet| sheet.held()).sum();
        if self.held + bytes <= self.limit {
            self.held += bytes;
        } else {
            let file = match self.scratch.take() {
                Some(file) => file,
                None => {
                    File::options().read(true).write(true).create(true).truncate(true).open(&self.path)?
                }
            };
            for sheet in group.columns.iter_mut().flat_map(KeptColumn::sheets_mut) {
                self.written += sheet.move_to(&file, self.written)?;
            }
            self.scratch = Some(file);
        }
        self.groups.push(group);
        Ok(())
    }

    /// The groups, in order.
    pub fn groups(&self) -> &[KeptGroup] {
        &self.groups
    }

    /// The file in which pages of groups wait.
    pub fn scratch(&self) -> Option<&File> {
        self.scratch.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let mut kept = Kept::new(folder.path(), "fields", 3000);
        let columns: Vec<Column> = (0..20)
            .map(|at: i64| {
                let values: Vec<_> = (0..100).map(|n| (n % 7 != 0).then(|| format!("{at} {n}"))).collect();
                Column::new("t".into(), values)
            })
            .collect();
        for column in &columns {
            let column = KeptColumn::plain("t".into(), column).expect("encode");
            kept.push(KeptGroup { rows: 100, columns: vec![column] }).expect("push");
        }
        assert!(kept.scratch().is_some() && kept.held > 0, "some of both");
        for (group, column) in kept.groups().iter().zip(&columns) {
            let back = group.columns[0].original(group.rows, kept.scratch()).expect("decode");
            assert!(back.equals_missing(column));
        }
    }

    #[test]
    fn the_text_of_numbers_comes_back() {
        let numbers = Column::new("n".into(), [Some(-12i64), None, Some(i64::MAX)]);
        let encoded = Encoded::of(&numbers, Form::Kept).expect("encode");
        let column = KeptColumn { name: "n".into(), encoded, original: Original::Text };
        let back = column.original(3, None).expect("decode");
        assert!(
            back.equals_missing(&Column::new("n".into(), [Some("-12"), None, Some("9223372036854775807")]))
        );
    }
}
