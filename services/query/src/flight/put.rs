//! Values that a client binds by DoPut.

use arrow_array::RecordBatch;
use arrow_flight::{
    decode::FlightRecordBatchStream, error::FlightError, sql::server::PeekableFlightDataStream,
};
use bytes::Bytes;
use futures::TryStreamExt as _;

use crate::{error::QueryError, parameters::Parameters};

/// Reads one row of parameters; none at all are empty bytes.
pub async fn parameters(stream: PeekableFlightDataStream) -> Result<Bytes, QueryError> {
    let mut batches = FlightRecordBatchStream::new_from_flight_data(
        stream.map_err(|status| FlightError::Tonic(Box::new(status))),
    );
    let mut kept: Option<RecordBatch> = None;
    let wrong = |error: FlightError| {
        QueryError::Field("parameters", format!("the bound values do not decode: {error}"))
    };
    while let Some(batch) = batches.try_next().await.map_err(wrong)? {
        if batch.num_rows() + kept.as_ref().map_or(0, RecordBatch::num_rows) > 1 {
            return Err(QueryError::Unsupported(
                "one row of parameters at a time; execute once a row".to_owned(),
            ));
        }
        if batch.num_rows() == 1 {
            kept = Some(batch);
        }
    }
    kept.as_ref().map_or(Ok(Bytes::new()), Parameters::encode)
}
