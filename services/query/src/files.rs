//! Files of a dataset, as much as views and pruning need to know of them.

use std::{collections::HashSet, sync::Arc};

use rfe_model::SqlType;
use rfe_proto::metadata::{Column, ColumnStats, DataFile};

use crate::cache::Content;

/// The files of one layer of a dataset at a snapshot, in the order of their commits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Files {
    // Lists of snapshots that follow each other share most of them.
    files: Vec<Arc<File>>,
    // The lists of columns that raw files have, each once.
    shapes: Vec<Vec<Column>>,
}

/// A file.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Its key without the bucket.
    pub key: String,
    /// Which list of columns a raw file has; the number says only which ones are alike.
    pub shape: u32,
    /// What it holds; `None` if the catalog does not tell it whole.
    pub content: Option<Content>,
    // Its place among the dataset's files, and which of its commit it is.
    order: (u64, u32),
    rows: i64,
    // By column id. Empty: nothing is known.
    stats: Vec<Stats>,
}

#[derive(Debug, Clone, PartialEq)]
struct Stats {
    id: u32,
    nulls: i64,
    bounds: Option<(Box<str>, Box<str>)>,
    written: SqlType,
}

/// What a file holds of a column, as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Values in every row.
    NoNulls,
    /// No value.
    OnlyNulls,
    /// It may be both.
    Any,
}

impl Files {
    /// Adds files, in any order.
    pub fn extend(&mut self, files: impl IntoIterator<Item = DataFile>) {
        for file in files {
            let shape = self.shape(&file.raw_columns);
            self.files.push(Arc::new(File::new(file, shape)));
        }
    }

    /// Puts them in the order of their commits.
    pub fn sort(&mut self) {
        self.files.sort_by(|a, b| (a.order, &a.key).cmp(&(b.order, &b.key)));
        self.files.shrink_to_fit();
    }

    /// The list of a later snapshot: without what ended, and with what began.
    pub fn gone_on(&self, begun: Self, ended: &HashSet<String>) -> Self {
        let stayed = self.files.iter().filter(|file| !ended.contains(&file.key)).cloned();
        let mut later = Self { files: stayed.collect(), shapes: self.shapes.clone() };
        for file in begun.files {
            let columns = begun.shapes.get(file.shape as usize).map_or(&[][..], Vec::as_slice);
            let shape = later.shape(columns);
            later.files.push(if shape == file.shape {
                file
            } else {
                Arc::new(File { shape, ..Arc::unwrap_or_clone(file) })
            });
        }
        later.sort();
        later
    }

    /// The files.
    pub fn all(&self) -> &[Arc<File>] {
        &self.files
    }

    /// About how many bytes they take.
    pub fn weight(&self) -> usize {
        self.files.iter().map(|file| file.weight()).sum()
    }

    fn shape(&mut self, columns: &[Column]) -> u32 {
        let is_like = |known: &Vec<Column>| {
            known.len() == columns.len()
                && known.iter().zip(columns).all(|(a, b)| a.name == b.name && a.r#type == b.r#type)
        };
        let at = self.shapes.iter().position(is_like).unwrap_or_else(|| {
            self.shapes.push(columns.to_vec());
            self.shapes.len() - 1
        });
        at as u32
    }
}

impl File {
    fn new(file: DataFile, shape: u32) -> Self {
        let mut stats = file.stats.into_iter().map(Stats::new).collect::<Vec<_>>();
        stats.sort_by_key(|stats| stats.id);
        // A catalog of before compaction sends no place of its own.
        let place = if file.order_snapshot == 0 { file.begin_snapshot } else { file.order_snapshot };
        Self {
            content: Content::read(&file.sha256, file.bytes),
            key: file.key,
            shape,
            order: (place, file.part),
            rows: file.rows,
            stats,
        }
    }

    /// What it holds of a column. One that the file does not have reads as NULL.
    pub fn holds(&self, id: u32) -> Holds {
        if self.stats.is_empty() {
            return Holds::Any;
        }
        match self.stats(id).map_or(self.rows, |stats| stats.nulls) {
            0 if self.rows > 0 => Holds::NoNulls,
            nulls if nulls == self.rows => Holds::OnlyNulls,
            _ => Holds::Any,
        }
    }

    /// Bounds of the column's values, if known, and the type in whose order they are.
    pub fn bounds(&self, id: u32) -> Option<(&str, &str, &SqlType)> {
        let stats = self.stats(id)?;
        let (min, max) = stats.bounds.as_ref()?;
        Some((min, max, &stats.written))
    }

    fn stats(&self, id: u32) -> Option<&Stats> {
        let at = self.stats.binary_search_by_key(&id, |stats| stats.id).ok()?;
        self.stats.get(at)
    }

    fn weight(&self) -> usize {
        let texts = |stats: &Stats| stats.bounds.as_ref().map_or(0, |(min, max)| min.len() + max.len());
        let stats = self.stats.iter().map(|stats| size_of::<Stats>() + texts(stats)).sum::<usize>();
        size_of::<Self>() + self.key.len() + stats
    }
}

impl Stats {
    fn new(stats: ColumnStats) -> Self {
        // Without its type it is not known how the bounds are ordered.
        let written = stats.r#type.parse::<SqlType>();
        let bounds = (stats.has_bounds && written.is_ok())
            .then(|| (stats.min.into_boxed_str(), stats.max.into_boxed_str()));
        Self { id: stats.column_id, nulls: stats.nulls, bounds, written: written.unwrap_or(SqlType::Varchar) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key: &str, begin_snapshot: u64, part: u32) -> DataFile {
        DataFile { key: key.to_owned(), begin_snapshot, part, rows: 3, ..DataFile::default() }
    }

    #[test]
    fn files_stand_in_the_order_of_their_commits_whatever_their_keys() {
        let mut files = Files::default();
        files.extend([file("a", 7, 1), file("b", 2, 0), file("c", 7, 0)]);
        files.sort();
        assert_eq!(files.all().iter().map(|file| file.key.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
    }

    #[test]
    fn a_compacted_file_stands_where_the_files_stood_that_it_was_made_of() {
        let mut files = Files::default();
        files.extend([
            file("late", 5, 0),
            DataFile { order_snapshot: 3, ..file("compacted", 9, 0) },
            file("a", 2, 0),
        ]);
        files.sort();
        assert_eq!(
            files.all().iter().map(|file| file.key.as_str()).collect::<Vec<_>>(),
            ["a", "compacted", "late"]
        );
    }

    #[test]
    fn a_list_goes_on_to_a_later_snapshot() {
        let raw = |key: &str, snapshot, columns: &[&str]| {
            let column = |name: &&str| Column { name: (*name).to_owned(), ..Column::default() };
            DataFile { raw_columns: columns.iter().map(column).collect(), ..file(key, snapshot, 0) }
        };
        let of = |files: Vec<DataFile>| {
            let mut list = Files::default();
            list.extend(files);
            list.sort();
            list
        };
        let older = of(vec![raw("a", 1, &["x"]), raw("b", 2, &["x", "y"]), raw("c", 3, &["x"])]);
        let begun = of(vec![raw("d", 4, &["x", "y"]), raw("e", 5, &["z"])]);
        let later = older.gone_on(begun, &HashSet::from(["b".to_owned()]));
        let keys = later.all().iter().map(|file| file.key.as_str()).collect::<Vec<_>>();
        assert_eq!(keys, ["a", "c", "d", "e"]);
        let columns = |at: usize| later.shapes[later.all()[at].shape as usize].len();
        assert_eq!((columns(2), later.all()[3].shape), (2, 2), "lists of columns keep their meaning");
    }

    #[test]
    fn a_column_that_the_file_does_not_have_holds_only_nulls() {
        let stats = |column_id, nulls| ColumnStats { column_id, nulls, ..ColumnStats::default() };
        let mut files = Files::default();
        files.extend([DataFile { stats: vec![stats(9, 0), stats(4, 3), stats(5, 1)], ..file("a", 1, 0) }]);
        let known = &files.all()[0];
        let held = [9, 4, 5, 6].map(|id| known.holds(id));
        assert_eq!(held, [Holds::NoNulls, Holds::OnlyNulls, Holds::Any, Holds::OnlyNulls]);
        files.extend([file("b", 1, 0)]);
        assert_eq!(files.all()[1].holds(6), Holds::Any, "nothing is known of a file without statistics");
    }
}
