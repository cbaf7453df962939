//! The schema to write by, settled before anything is written.

use rfe_proto::metadata::{RegisterSchemaRequest, SchemaVersion};

use crate::{attempt::Attempt, failure::Stop, observed::Observed};

/// Settles what the run saw. A run without rows and columns leaves the schema as it is.
pub(crate) async fn settle(attempt: &Attempt, observed: &Observed, rows: u64) -> Result<SchemaVersion, Stop> {
    if rows == 0 && observed.is_empty() {
        return Ok(attempt.schema.clone().unwrap_or_default());
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
    let discarded =
        |name: &str| response.discarded_columns.iter().any(|left_out| left_out.eq_ignore_ascii_case(name));
    schema.columns.retain(|column| !discarded(&column.name));
    Ok(schema)
}
