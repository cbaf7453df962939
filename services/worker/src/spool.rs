//! Frames kept for a second pass: in memory up to a bound, then in files. They can be read more than once, in order.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use polars::prelude::{DataFrame, ParquetReader, PolarsResult, SerReader as _};

use crate::{
    encode::{Form, PartField, encode},
    part::PartWriter,
};

/// Frames in memory and in files.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    name: &'static str,
    limit: usize,
    files: Vec<PathBuf>,
    frames: Vec<DataFrame>,
    bytes: usize,
}

impl Spool {
    /// An empty one that holds at most about `limit` bytes in memory.
    pub fn new(folder: &Path, name: &'static str, limit: usize) -> Self {
        Self { folder: folder.to_owned(), name, limit, files: Vec::new(), frames: Vec::new(), bytes: 0 }
    }

    /// Keeps a frame behind those kept before.
    pub fn push(&mut self, frame: DataFrame) -> PolarsResult<()> {
        // Polars leaves out what each short text takes in its column.
        self.bytes += frame.estimated_size() + 16 * frame.width() * frame.height();
        self.frames.push(frame);
        if self.bytes > self.limit { self.spill() } else { Ok(()) }
    }

    /// The frames, in order; those in files are read when their turn comes.
    pub fn frames(&self) -> impl Iterator<Item = PolarsResult<DataFrame>> + '_ {
        let spilled = self.files.iter().map(|path| ParquetReader::new(File::open(path)?).finish());
        spilled.chain(self.frames.iter().map(|frame| Ok(frame.clone())))
    }

    // Frames of the same columns share a file, so that many small chunks do not make many files.
    fn spill(&mut self) -> PolarsResult<()> {
        self.bytes = 0;
        let mut open: Option<PartWriter> = None;
        for frame in std::mem::take(&mut self.frames) {
            let fields: Vec<PartField> =
                frame.columns().iter().map(|column| PartField::of(column, None)).collect();
            let same = |part: &PartWriter| {
                part.fields().len() == fields.len()
                    && part.fields().iter().zip(&fields).all(|(a, b)| a.is_like(b))
            };
            if !open.as_ref().is_some_and(same)
                && let Some(part) = open.take()
            {
                part.finish()?;
            }
            let mut part = match open.take() {
                Some(part) => part,
                None => self.open(&fields)?,
            };
            let columns = encode(&frame, Form::Spilled)?;
            part.write(frame.height(), &columns.iter().collect::<Vec<_>>(), None)?;
            open = Some(part);
        }
        if let Some(part) = open {
            part.finish()?;
        }
        Ok(())
    }

    fn open(&mut self, fields: &[PartField]) -> PolarsResult<PartWriter> {
        let path = self.folder.join(format!("{}-{}.spill", self.name, self.files.len()));
        self.files.push(path.clone());
        PartWriter::create(&path, fields, Form::Spilled)
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    #[test]
    fn frames_come_back_in_order_from_memory_and_files() {
        let folder = tempfile::tempdir().expect("folder");
        let mut spool = Spool::new(folder.path(), "fields", 500);
        let frames: Vec<DataFrame> = (0..40)
            .map(|at: i64| match at % 10 {
                9 => df!("b" => [Some(format!("only {at}")), None]).expect("frame"),
                _ => df!("a" => [Some(format!("row {at}")), None], "n" => [at, -at]).expect("frame"),
            })
            .collect();
        for frame in &frames {
            spool.push(frame.clone()).expect("push");
        }
        assert!(spool.files.len() > 4, "it spilled: {:?}", spool.files);
        for _twice in 0..2 {
            let mut rows = Vec::new();
            for frame in spool.frames() {
                let frame = frame.expect("frame");
                let first = frame.columns()[0].as_materialized_series().clone();
                rows.extend(first.str().expect("text").iter().map(|text| text.map(str::to_owned)));
            }
            let expected: Vec<_> = frames
                .iter()
                .flat_map(|frame| {
                    let first = frame.columns()[0].as_materialized_series().clone();
                    first.str().expect("text").iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(rows, expected);
        }
    }
}
