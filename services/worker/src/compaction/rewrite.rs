//! Rows of the inputs become rows of new files, gathered into full row groups.

use std::path::Path;

use polars::prelude::DataFrame;
use rfe_proto::metadata::DataFile;

use super::{input::Input, target::Targets};
use crate::{
    config::Config,
    encode::{Encoded, Form, PartField, encode},
    failure::Stop,
    gather::{Gather, Rows},
    part::WrittenPart,
    parts::{Limits, Parts},
};

/// New files in the making. One input and one row group are held in memory.
#[derive(Debug)]
pub(super) struct Rewrite {
    targets: Option<Targets>,
    gather: Gather,
    parts: Parts,
    form: Form,
}

impl Rewrite {
    /// None yet. Without targets, of `raw`, columns stay as they are.
    pub fn new(folder: &Path, config: &Config, targets: Option<Targets>) -> Self {
        let form = if targets.is_some() { Form::Kept } else { Form::Stored };
        // What the shares of inputs aim at is met without this; it bounds a file whose rows take more room than before.
        let largest = config.compact_bytes.saturating_mul(2).saturating_sub(config.row_group_bytes as u64);
        let limits = Limits { part_rows: u64::MAX, part_bytes: largest.max(config.compact_bytes) };
        Self {
            targets,
            gather: Gather::new(config.row_group_rows, config.row_group_bytes),
            parts: Parts::new(folder, "compacted", limits, form),
            form,
        }
    }

    /// Takes the rows of an input, behind those taken before.
    pub fn take(&mut self, file: &DataFile, path: &Path) -> Result<(), Stop> {
        let input = Input::open(file, path)?;
        let ids = input.ids();
        for frame in input.frames() {
            let frame = frame?;
            let raw = match &mut self.targets {
                Some(targets) => targets.place(&file.key, &ids, &frame)?,
                None => frame,
            };
            let rows = Rows { height: raw.height(), raw, fields: Vec::new() };
            for group in self.gather.push(rows)? {
                self.write(&group.raw)?;
            }
        }
        Ok(())
    }

    /// Ends the file in the making, with the rows that wait.
    pub fn end_file(&mut self) -> Result<(), Stop> {
        if let Some(group) = self.gather.rest()? {
            self.write(&group.raw)?;
        }
        Ok(self.parts.close()?)
    }

    /// Takes the files that are finished.
    pub fn take_closed(&mut self) -> Vec<WrittenPart> {
        self.parts.take_closed()
    }

    fn write(&mut self, group: &DataFrame) -> Result<(), Stop> {
        let fields: Vec<PartField> = match &self.targets {
            Some(targets) => targets.fields(group),
            None => group.columns().iter().map(|column| PartField::of(column, None)).collect(),
        };
        let columns = encode(group, self.form)?;
        let columns: Vec<&Encoded> = columns.iter().collect();
        Ok(self.parts.write(&fields, group.height(), &columns, None)?)
    }
}
