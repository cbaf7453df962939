//! The files of one layer of a run: a new one begins where a bound is reached or the columns change.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use polars::prelude::PolarsResult;

use crate::{
    config::Config,
    encode::{Encoded, Form, PartField},
    part::{PartWriter, WrittenPart},
};

/// Where files end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub part_rows: u64,
    pub part_bytes: u64,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self { part_rows: config.part_rows, part_bytes: config.part_bytes }
    }
}

/// The files of one layer of a run.
#[derive(Debug)]
pub(crate) struct Parts {
    folder: PathBuf,
    layer: &'static str,
    limits: Limits,
    form: Form,
    current: Option<PartWriter>,
    closed: Vec<WrittenPart>,
    made: u32,
}

impl Parts {
    pub fn new(folder: &Path, layer: &'static str, limits: Limits, form: Form) -> Self {
        Self { folder: folder.to_owned(), layer, limits, form, current: None, closed: Vec::new(), made: 0 }
    }

    /// Adds a row group: columns of those fields that are not constant, in their order. `scratch` is where their pages wait.
    pub fn write(
        &mut self,
        fields: &[PartField],
        rows: usize,
        columns: &[&Encoded],
        scratch: Option<&File>,
    ) -> PolarsResult<()> {
        let fits = self.current.as_ref().is_none_or(|part| {
            let same = part.fields().len() == fields.len()
                && part.fields().iter().zip(fields).all(|(a, b)| a.is_like(b));
            same && part.rows() < self.limits.part_rows && part.bytes() < self.limits.part_bytes
        });
        if !fits {
            self.close()?;
        }
        let mut part = match self.current.take() {
            Some(part) => part,
            None => self.open(fields)?,
        };
        part.write(rows, columns, scratch)?;
        self.current = Some(part);
        Ok(())
    }

    /// Ends the file in the making.
    pub fn close(&mut self) -> PolarsResult<()> {
        if let Some(part) = self.current.take() {
            self.closed.push(part.finish()?);
        }
        Ok(())
    }

    /// Takes the files that are finished.
    pub fn take_closed(&mut self) -> Vec<WrittenPart> {
        std::mem::take(&mut self.closed)
    }

    fn open(&mut self, fields: &[PartField]) -> PolarsResult<PartWriter> {
        let path = self.folder.join(format!("{}-{}.parquet", self.layer, self.made));
        self.made += 1;
        PartWriter::create(&path, fields, self.form)
    }
}
