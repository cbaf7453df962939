//! The schema to write by, settled before anything is written.

use rfe_proto::metadata::{DiscardedColumn, RegisterSchemaRequest, SchemaVersion};

use crate::{attempt::Attempt, failure::Stop, observed::Observed};

/// What a run writes by.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The columns.
    pub schema: SchemaVersion,
    /// Columns that the run read and the policy leaves out.
    pub discarded: Vec<DiscardedColumn>,
}

/// Settles what the run saw. A run without rows and columns leaves the schema as it is.
pub(crate) async fn settle(attempt: &Attempt, observed: &Observed, rows: u64) -> Result<Settled, Stop> {
    if rows == 0 && observed.is_empty() {
        return Ok(Settled { schema: attempt.schema.clone().unwrap_or_default(), discarded: Vec::new() });
    }
    let request = RegisterSchemaRequest {
        run_id: attempt.run.run_id.clone(),
        epoch: attempt.run.epoch,
        columns: observed.to_proto(),
    };
    let response = attempt.worker.runs().register_schema(request).await?.into_inner();
    let mut schema = response
        .schema
        .ok_or_else(|| Stop::Backend("RegisterSchema answered without a schema".to_owned()))?;
    let counted = |name: String| DiscardedColumn {
        values: i64::try_from(observed.values(&name)).unwrap_or(i64::MAX),
        name,
    };
    let discarded: Vec<DiscardedColumn> = response.discarded_columns.into_iter().map(counted).collect();
    schema
        .columns
        .retain(|column| !discarded.iter().any(|left_out| left_out.name.eq_ignore_ascii_case(&column.name)));
    Ok(Settled { schema, discarded })
}
