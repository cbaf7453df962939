//! Pass 1 over rows that stream: full row groups are encoded once, for both layers. Columns of `raw` go to their files at once;
//! those of `main` wait for their schema. Text that is the same in both layers is encoded and compressed once.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use polars::prelude::{Column, DataType, PolarsResult};
use rayon::prelude::*;
use rfe_model::SqlType;
use rfe_sources::cast;

use crate::{
    config::Config,
    encode::{Encoded, Form},
    gather::{Field, Gather, Rows},
    guess::{Basis, Guess},
    kept::{Kept, KeptColumn, KeptGroup, Original},
    observed::Observed,
    part::WrittenPart,
    parts::{Limits, Parts},
    raw,
};

/// Row groups of both layers in the making.
#[derive(Debug)]
pub(crate) struct RowGroups {
    gather: Gather,
    guess: Guess,
    // None: only `main` is made.
    raw: Option<Parts>,
    run_id: String,
    pub kept: Kept,
}

impl RowGroups {
    /// None yet. `name` tells its scratch files from those of others.
    pub fn new(folder: &Path, name: &'static str, config: &Config, run_id: &str, guess: Guess) -> Self {
        Self {
            gather: Gather::new(config.row_group_rows, config.row_group_bytes),
            guess,
            raw: Some(Parts::new(folder, name, Limits::from(config), Form::Stored)),
            run_id: run_id.to_owned(),
            kept: Kept::new(folder, name, config.staged_bytes),
        }
    }

    /// Without files of raw.
    pub fn without_raw(self) -> Self {
        Self { raw: None, ..self }
    }

    /// Takes rows; `observed` is what the run has seen, these rows included.
    pub fn take(&mut self, rows: Rows, observed: &Observed) -> PolarsResult<()> {
        for group in self.gather.push(rows)? {
            self.land(group, observed)?;
        }
        Ok(())
    }

    /// Ends the pass.
    pub fn finish(&mut self, observed: &Observed) -> PolarsResult<()> {
        if let Some(group) = self.gather.rest()? {
            self.land(group, observed)?;
        }
        self.raw.as_mut().map_or(Ok(()), Parts::close)
    }

    /// Takes the files of raw that are finished.
    pub fn take_closed(&mut self) -> Vec<WrittenPart> {
        self.raw.as_mut().map(Parts::take_closed).unwrap_or_default()
    }

    fn land(&mut self, group: Rows, observed: &Observed) -> PolarsResult<()> {
        let plans: Vec<Plan> = group.fields.iter().map(|field| self.plan(field, observed)).collect();
        let shared: HashSet<&str> = plans
            .iter()
            .zip(&group.fields)
            .filter(|(plan, _)| **plan == Plan::AsRead)
            .filter_map(|(_, field)| field.in_raw.as_deref())
            .collect();
        let form =
            |column: &Column| if shared.contains(column.name().as_str()) { Form::Kept } else { Form::Stored };
        let raw: Vec<Encoded> = group
            .raw
            .columns()
            .par_iter()
            .map(|column| Encoded::of(column, form(column)))
            .collect::<PolarsResult<_>>()?;
        let by_name: HashMap<&str, &Encoded> =
            group.raw.columns().iter().map(|column| column.name().as_str()).zip(&raw).collect();
        let of_raw = |field: &Field| by_name.get(field.in_raw.as_deref()?).copied();
        let columns =
            group.fields.par_iter().zip(&plans).map(|(field, plan)| kept(field, plan, of_raw(field)));
        let columns = columns.collect::<PolarsResult<_>>()?;
        if let Some(parts) = &mut self.raw {
            raw::write(parts, &self.run_id, &group.raw, &raw)?;
        }
        self.kept.push(KeptGroup { rows: group.height, columns })
    }

    fn plan(&self, field: &Field, observed: &Observed) -> Plan {
        let (kind, basis) = self.guess.of(&field.name, observed);
        match cast::data_type(&kind) {
            Some(dtype) if dtype != *field.values.dtype() => Plan::Cast { kind, basis },
            _ => Plan::AsRead,
        }
    }
}

/// How a column is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    AsRead,
    Cast { kind: SqlType, basis: Basis },
}

fn kept(field: &Field, plan: &Plan, raw: Option<&Encoded>) -> PolarsResult<KeptColumn> {
    let name = field.name.clone();
    let cast = match plan {
        Plan::AsRead => None,
        // A value that does not fit is told once the schema is settled.
        Plan::Cast { kind, .. } => Some(cast::cast(&field.values, kind)?).filter(|cast| cast.lost.is_empty()),
    };
    let Some(cast) = cast else {
        return match (raw, plan) {
            (Some(raw), Plan::AsRead) => {
                Ok(KeptColumn { name, encoded: raw.clone(), original: Original::Same })
            }
            _ => KeptColumn::plain(name, &field.values),
        };
    };
    let is_text = *field.values.dtype() == DataType::String;
    let original = match (raw, plan) {
        // Text becomes a number of its own accord only if the number's text is the same.
        (_, Plan::Cast { basis: Basis::Settled, .. }) => Original::Same,
        (_, Plan::Cast { kind: SqlType::BigInt, basis: Basis::Seen }) if is_text => Original::Text,
        (Some(raw), _) => Original::Apart(Box::new(raw.clone())),
        (None, _) => Original::Apart(Box::new(Encoded::of(&field.values, Form::Spilled)?)),
    };
    Ok(KeptColumn { name, encoded: Encoded::of(&cast.column, Form::Kept)?, original })
}
