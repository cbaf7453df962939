//! DuckDB's C interface, as little of it as a query needs. The one file with `unsafe`: the `duckdb` crate can tell a schema
//! only by running the statement, and runs all but the last of several statements while it prepares.
#![allow(unsafe_code, reason = "the C interface")]

use std::{
    ffi::{CStr, CString, c_char, c_void},
    fmt,
    marker::PhantomData,
    mem, ptr,
    sync::{Arc, Mutex, PoisonError},
};

use duckdb::{
    arrow::{
        array::{RecordBatch, StructArray},
        datatypes::{DataType, Schema, SchemaRef},
        ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi},
    },
    ffi,
};

/// What DuckDB said.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct DuckError(pub String);

type Result<T> = std::result::Result<T, DuckError>;

/// One in-memory instance; closed when its last session ends.
pub struct Database(ffi::duckdb_database);

// SAFETY: a `duckdb_database` is a handle to an instance that locks itself; any thread may connect to it or close it.
unsafe impl Send for Database {}
// SAFETY: as above.
unsafe impl Sync for Database {}

/// One connection: one running statement at a time.
pub struct Session {
    raw: ffi::duckdb_connection,
    interrupt: Arc<Interrupt>,
    // Fields drop in order: the connection goes before its instance.
    _database: Arc<Database>,
}

// SAFETY: a connection may move between threads; `Session` is not `Sync`, so only one uses it at a time.
unsafe impl Send for Session {}

/// Ends what a session runs, from any thread; does nothing once the session has ended.
pub struct Interrupt(Mutex<ffi::duckdb_connection>);

// SAFETY: `duckdb_interrupt` may be called from any thread while the connection lives, which the mutex holds.
unsafe impl Send for Interrupt {}
// SAFETY: as above.
unsafe impl Sync for Interrupt {}

/// A prepared statement.
pub struct Prepared<'s> {
    raw: ffi::duckdb_prepared_statement,
    session: &'s Session,
}

/// A value to bind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Double(f64),
    Decimal { width: u8, scale: u8, value: i128 },
    Text(String),
    Blob(Vec<u8>),
    Date(i32),
    Time(i64),
    Timestamp(i64),
    TimestampTz(i64),
}

/// The rows of a running statement, chunk by chunk.
pub struct Rows<'s> {
    result: ffi::duckdb_result,
    options: ArrowOptions,
    exported: FFI_ArrowSchema,
    schema: SchemaRef,
    ended: bool,
    session: PhantomData<&'s Session>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

// === impl Database ===

impl Database {
    pub fn open() -> Result<Arc<Self>> {
        let mut raw = ptr::null_mut();
        let mut error = ptr::null_mut();
        // SAFETY: both out pointers are valid; a null path is an in-memory instance and a null config the default.
        let state = unsafe { ffi::duckdb_open_ext(ptr::null(), &mut raw, ptr::null_mut(), &mut error) };
        if state == ffi::DuckDBSuccess {
            return Ok(Arc::new(Self(raw)));
        }
        // SAFETY: on failure `error` is null or a string that the caller frees.
        Err(DuckError(unsafe { owned_text(error) }))
    }

    pub fn connect(self: &Arc<Self>) -> Result<Session> {
        let mut raw = ptr::null_mut();
        // SAFETY: the instance lives as long as `self`; the out pointer is valid.
        if unsafe { ffi::duckdb_connect(self.0, &mut raw) } != ffi::DuckDBSuccess {
            return Err(DuckError("IO Error: could not connect to the engine".to_owned()));
        }
        Ok(Session { raw, interrupt: Arc::new(Interrupt(Mutex::new(raw))), _database: Arc::clone(self) })
    }

    /// Appends a batch to a table whose columns have its types.
    pub fn append(
        self: &Arc<Self>,
        catalog: &str,
        schema: &str,
        table: &str,
        batch: RecordBatch,
    ) -> Result<()> {
        let said = |error: duckdb::Error| DuckError(error.to_string());
        // SAFETY: the instance lives as long as `self`, and the connection does not leave this function.
        let connection = unsafe { duckdb::Connection::open_from_raw(self.0) }.map_err(said)?;
        let mut appender = connection.appender_to_catalog_and_db(table, catalog, schema).map_err(said)?;
        appender.append_record_batch(batch).and_then(|()| appender.flush()).map_err(said)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: sessions hold an `Arc` of this, so none is left.
        unsafe { ffi::duckdb_close(&mut self.0) }
    }
}

// === impl Session ===

impl Session {
    /// Runs statements of our own.
    pub fn execute(&self, sql: &str) -> Result<()> {
        let sql = c_string(sql)?;
        // SAFETY: the result is initialized by the call, also on failure, and destroyed once.
        unsafe {
            let mut result = mem::zeroed();
            let state = ffi::duckdb_query(self.raw, sql.as_ptr(), &mut result);
            let error =
                (state != ffi::DuckDBSuccess).then(|| DuckError(text(ffi::duckdb_result_error(&mut result))));
            ffi::duckdb_destroy_result(&mut result);
            error.map_or(Ok(()), Err)
        }
    }

    /// Prepares exactly one statement and runs nothing.
    pub fn prepare(&self, sql: &str) -> Result<Prepared<'_>> {
        let sql = c_string(sql)?;
        let mut extracted = ptr::null_mut();
        // SAFETY: out pointers are valid; `extracted` is destroyed once, after its last use; a failed statement as well.
        unsafe {
            let count = ffi::duckdb_extract_statements(self.raw, sql.as_ptr(), &mut extracted);
            let mut raw = ptr::null_mut();
            let prepared = match count {
                0 => Err(DuckError(text(ffi::duckdb_extract_statements_error(extracted)))),
                1 => {
                    let state = ffi::duckdb_prepare_extracted_statement(self.raw, extracted, 0, &mut raw);
                    (state == ffi::DuckDBSuccess)
                        .then_some(())
                        .ok_or_else(|| DuckError(text(ffi::duckdb_prepare_error(raw))))
                }
                more => Err(DuckError(format!("Parser Error: {more} statements where one is allowed"))),
            };
            ffi::duckdb_destroy_extracted(&mut extracted);
            if let Err(error) = prepared {
                ffi::duckdb_destroy_prepare(&mut raw);
                return Err(error);
            }
            Ok(Prepared { raw, session: self })
        }
    }

    pub fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.interrupt)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut shared = self.interrupt.0.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: disconnected once; the lock keeps an interrupt from using the handle meanwhile.
        unsafe { ffi::duckdb_disconnect(&mut self.raw) }
        *shared = ptr::null_mut();
    }
}

impl Interrupt {
    pub fn interrupt(&self) {
        let raw = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !raw.is_null() {
            // SAFETY: the handle is null once its connection has gone, and the lock is held.
            unsafe { ffi::duckdb_interrupt(*raw) }
        }
    }
}

// === impl Prepared ===

impl<'s> Prepared<'s> {
    /// The columns of its rows; `None` while they hang on parameters that are not bound.
    pub fn schema(&self) -> Result<Option<SchemaRef>> {
        // SAFETY: the statement is live, and indexes stay below its count.
        let columns = unsafe {
            (0..ffi::duckdb_prepared_statement_column_count(self.raw))
                .map(|at| {
                    let name = owned_text(ffi::duckdb_prepared_statement_column_name(self.raw, at));
                    (name, LogicalType(ffi::duckdb_prepared_statement_column_logical_type(self.raw, at)))
                })
                .collect::<Vec<_>>()
        };
        if columns.iter().any(|(_, kind)| kind.is_unknown()) {
            return Ok(None);
        }
        let (_, schema) = arrow_schema(&ArrowOptions::of_session(self.session), &columns)?;
        Ok(Some(schema))
    }

    /// Name and type of each parameter; a type that is not known yet is `None`.
    pub fn parameters(&self) -> Result<Vec<(String, Option<DataType>)>> {
        let options = ArrowOptions::of_session(self.session);
        // SAFETY: the statement is live.
        let count = unsafe { ffi::duckdb_nparams(self.raw) };
        (1..=count)
            .map(|at| {
                // SAFETY: the index is within the count; the name is ours to free.
                let (name, kind) = unsafe {
                    let name = owned_text(ffi::duckdb_parameter_name(self.raw, at));
                    (name, LogicalType(ffi::duckdb_param_logical_type(self.raw, at)))
                };
                if kind.is_unknown() {
                    return Ok((name, None));
                }
                let (_, schema) = arrow_schema(&options, &[(name.clone(), kind)])?;
                Ok((name, Some(schema.field(0).data_type().clone())))
            })
            .collect()
    }

    /// Binds a parameter; the first is 1.
    pub fn bind(&self, at: usize, value: &Value) -> Result<()> {
        let (raw, at) = (self.raw, at as u64);
        // SAFETY: the statement is live; DuckDB checks the index and copies texts and bytes.
        let state = unsafe {
            match value {
                Value::Null => ffi::duckdb_bind_null(raw, at),
                Value::Boolean(value) => ffi::duckdb_bind_boolean(raw, at, *value),
                Value::Integer(value) => ffi::duckdb_bind_int64(raw, at, *value),
                Value::Unsigned(value) => ffi::duckdb_bind_uint64(raw, at, *value),
                Value::Double(value) => ffi::duckdb_bind_double(raw, at, *value),
                Value::Decimal { width, scale, value } => {
                    let value = ffi::duckdb_hugeint { lower: *value as u64, upper: (*value >> 64) as i64 };
                    ffi::duckdb_bind_decimal(
                        raw,
                        at,
                        ffi::duckdb_decimal { width: *width, scale: *scale, value },
                    )
                }
                Value::Text(value) => {
                    ffi::duckdb_bind_varchar_length(raw, at, value.as_ptr().cast(), value.len() as u64)
                }
                Value::Blob(value) => {
                    ffi::duckdb_bind_blob(raw, at, value.as_ptr().cast(), value.len() as u64)
                }
                Value::Date(days) => ffi::duckdb_bind_date(raw, at, ffi::duckdb_date { days: *days }),
                Value::Time(micros) => ffi::duckdb_bind_time(raw, at, ffi::duckdb_time { micros: *micros }),
                Value::Timestamp(micros) => {
                    ffi::duckdb_bind_timestamp(raw, at, ffi::duckdb_timestamp { micros: *micros })
                }
                Value::TimestampTz(micros) => {
                    ffi::duckdb_bind_timestamp_tz(raw, at, ffi::duckdb_timestamp { micros: *micros })
                }
            }
        };
        // SAFETY: the statement is live.
        (state == ffi::DuckDBSuccess)
            .then_some(())
            .ok_or_else(|| DuckError(unsafe { text(ffi::duckdb_prepare_error(raw)) }))
    }

    /// Begins to run; rows come as they are asked for.
    pub fn stream(&self) -> Result<Rows<'s>> {
        // SAFETY: the result is initialized by the call, also on failure; `Rows` destroys it.
        unsafe {
            let mut result = mem::zeroed();
            let state = ffi::duckdb_execute_prepared_streaming(self.raw, &mut result);
            if state != ffi::DuckDBSuccess {
                let error = DuckError(text(ffi::duckdb_result_error(&mut result)));
                ffi::duckdb_destroy_result(&mut result);
                return Err(error);
            }
            let options = ArrowOptions(ffi::duckdb_result_get_arrow_options(&mut result));
            let columns = (0..ffi::duckdb_column_count(&mut result))
                .map(|at| {
                    let name = text(ffi::duckdb_column_name(&mut result, at));
                    (name, LogicalType(ffi::duckdb_column_logical_type(&mut result, at)))
                })
                .collect::<Vec<_>>();
            match arrow_schema(&options, &columns) {
                Ok((exported, schema)) => {
                    Ok(Rows { result, options, exported, schema, ended: false, session: PhantomData })
                }
                Err(error) => {
                    ffi::duckdb_destroy_result(&mut result);
                    Err(error)
                }
            }
        }
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_prepare(&mut self.raw) }
    }
}

// === impl Rows ===

impl Rows<'_> {
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The next chunk, of at most 2048 rows; an error after rows is an error, never an end.
    pub fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.ended {
            return Ok(None);
        }
        // SAFETY: the result is live; a chunk that is not null is ours to destroy, which `batch` does.
        unsafe {
            let chunk = ffi::duckdb_fetch_chunk(self.result);
            if !chunk.is_null() {
                return self.batch(chunk).map(Some);
            }
            self.ended = true;
            let error = ffi::duckdb_result_error(&mut self.result);
            if error.is_null() { Ok(None) } else { Err(DuckError(text(error))) }
        }
    }

    /// # Safety
    /// The chunk is live, ours, and of this result.
    unsafe fn batch(&self, mut chunk: ffi::duckdb_data_chunk) -> Result<RecordBatch> {
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: the out pointer is valid, and both layouts are the Arrow C data interface.
        let data = unsafe {
            let converted =
                failure(ffi::duckdb_data_chunk_to_arrow(self.options.0, chunk, (&raw mut array).cast()));
            ffi::duckdb_destroy_data_chunk(&mut chunk);
            converted?;
            from_ffi(array, &self.exported)
        };
        let rows = StructArray::from(data.map_err(arrow_failure)?);
        let (_, columns, _) = rows.into_parts();
        RecordBatch::try_new(self.schema(), columns).map_err(arrow_failure)
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_result(&mut self.result) }
    }
}

// === small handles ===

struct LogicalType(ffi::duckdb_logical_type);

impl LogicalType {
    fn is_unknown(&self) -> bool {
        // SAFETY: a type that is not null is live.
        self.0.is_null() || unsafe { ffi::duckdb_get_type_id(self.0) } == ffi::DUCKDB_TYPE_DUCKDB_TYPE_INVALID
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: destroyed once; null is fine.
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.0) }
    }
}

struct ArrowOptions(ffi::duckdb_arrow_options);

impl ArrowOptions {
    fn of_session(session: &Session) -> Self {
        let mut raw = ptr::null_mut();
        // SAFETY: the connection is live and the out pointer valid.
        unsafe { ffi::duckdb_connection_get_arrow_options(session.raw, &mut raw) }
        Self(raw)
    }
}

impl Drop for ArrowOptions {
    fn drop(&mut self) {
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_arrow_options(&mut self.0) }
    }
}

fn arrow_schema(
    options: &ArrowOptions,
    columns: &[(String, LogicalType)],
) -> Result<(FFI_ArrowSchema, SchemaRef)> {
    let names = columns.iter().map(|(name, _)| c_string(name)).collect::<Result<Vec<_>>>()?;
    let mut names = names.iter().map(|name| name.as_ptr()).collect::<Vec<*const c_char>>();
    let mut types = columns.iter().map(|(_, kind)| kind.0).collect::<Vec<_>>();
    let mut exported = FFI_ArrowSchema::empty();
    // SAFETY: both arrays have `columns.len()` live entries, and the out pointer is valid.
    failure(unsafe {
        ffi::duckdb_to_arrow_schema(
            options.0,
            types.as_mut_ptr(),
            names.as_mut_ptr(),
            columns.len() as u64,
            (&raw mut exported).cast(),
        )
    })?;
    let schema = Schema::try_from(&exported).map_err(arrow_failure)?;
    Ok((exported, Arc::new(schema)))
}

fn failure(mut error: ffi::duckdb_error_data) -> Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: not null, live, and destroyed once.
    unsafe {
        let message =
            ffi::duckdb_error_data_has_error(error).then(|| text(ffi::duckdb_error_data_message(error)));
        ffi::duckdb_destroy_error_data(&mut error);
        message.map_or(Ok(()), |message| Err(DuckError(message)))
    }
}

fn arrow_failure(error: impl fmt::Display) -> DuckError {
    DuckError(format!("Invalid Input Error: {error}"))
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| DuckError("Parser Error: the text holds a NUL byte".to_owned()))
}

/// # Safety
/// The pointer is null or a live C string.
unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return "unknown error".to_owned();
    }
    // SAFETY: as said above.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

/// # Safety
/// The pointer is null or a live C string that is ours to free.
unsafe fn owned_text(raw: *const c_char) -> String {
    // SAFETY: as said above.
    unsafe {
        let owned = text(raw);
        ffi::duckdb_free(raw.cast_mut().cast::<c_void>());
        owned
    }
}
