//! Kind `avro`: Avro object container files.
//!
//! Records are decoded here rather than by a crate: bytes that are damaged must neither panic nor allocate what they claim.

use std::collections::HashMap;

use async_trait::async_trait;
use polars::prelude::AnyValue;
use rfe_model::{SourceSpec, SqlType, Violation, letter::Stage};
use rfe_proto::dlq::DeadLetter;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    Chunk, ReadContext, ReadError, Reader, Source,
    block_codec::BlockCodec,
    byte_cursor::{ByteCursor, Cut},
    config::FilesConfig,
    encoding::Encoding,
    error::code,
    input::{Input, MAX_RECORD},
    location::SourceFile,
    pump::Pump,
    record_body::RecordBody,
    record_files::{RecordFile, RecordReader, Row},
    typed_rows::{self, RawForm},
};

/// Avro files.
#[derive(Debug)]
pub(crate) struct Avro;

#[async_trait]
impl Source for Avro {
    fn name(&self) -> &'static str {
        "avro"
    }

    fn check(&self, spec: &SourceSpec) -> Result<(), Vec<Violation>> {
        FilesConfig::check(spec)
    }

    async fn open(&self, spec: &SourceSpec, context: ReadContext) -> Result<Box<dyn Reader>, ReadError> {
        let location = FilesConfig::location(spec)?;
        Pump::open(move || RecordReader::<AvroFile>::open(&location, &context)).await
    }

    fn decode_letter(
        &self,
        spec: &SourceSpec,
        context: &ReadContext,
        letter: &DeadLetter,
        raw: &[u8],
    ) -> Result<Chunk, ReadError> {
        Ok(typed_rows::decode_letter(RawForm::Body, spec, context, letter, raw))
    }
}

/// A file that is being read, block by block.
struct AvroFile {
    name: String,
    input: Input,
    schema: Schema,
    columns: Vec<(String, Option<SqlType>)>,
    codec: BlockCodec,
    sync: [u8; 16],
    block: Block,
}

/// The block at hand, decompressed.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    at: usize,
    /// Records that it still holds.
    left: u64,
    number: u64,
}

impl RecordFile for AvroFile {
    fn open(file: &SourceFile, window: usize) -> Result<Self, ReadError> {
        let mut input = Input::open(file, Encoding::default(), window)?;
        input.fill(1)?;
        if !input.bytes().starts_with(b"Obj\x01") {
            let message = format!("`{}` is no Avro file: it does not begin with Obj1", file.name);
            return Err(ReadError::permanent(Stage::Read, code::NOT_AVRO, message));
        }
        input.consume(4);
        let name = file.name.clone();
        let ([schema, codec], sync) = parsed(&mut input, header, |why| damaged(&name, 0, why))?;
        let refused = |reason: String| {
            ReadError::permanent(Stage::Read, code::TYPE_NOT_SUPPORTED, format!("`{name}` {reason}"))
        };
        let codec = BlockCodec::named(&codec).map_err(refused)?;
        let schema = Schema::parse(&schema)
            .map_err(|reason| refused(format!("has a schema that can't be read: {reason}")))?;
        let column = |(name, of): &(String, Type)| (name.clone(), schema.sql_type(of));
        let columns = schema.fields.iter().map(column).collect();
        Ok(Self { name, input, schema, columns, codec, sync, block: Block::default() })
    }

    fn columns(&self) -> &[(String, Option<SqlType>)] {
        &self.columns
    }

    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        while self.block.left == 0 {
            if self.block.at < self.block.bytes.len() {
                return Err(self.damaged("bytes follow its last record"));
            }
            if !self.next_block()? {
                return Ok(None);
            }
        }
        let mut decoder = Decoder {
            schema: &self.schema,
            bytes: ByteCursor::new(&self.block.bytes[self.block.at..]),
            body: RecordBody::default(),
            depth: 0,
        };
        let row = decoder.row(&self.columns).map_err(|reason| self.damaged(&reason))?;
        self.block.at = self.block.bytes.len() - decoder.bytes.rest().len();
        self.block.left -= 1;
        Ok(Some(row))
    }

    fn bytes_read(&mut self) -> u64 {
        self.input.bytes_read()
    }
}

impl AvroFile {
    fn next_block(&mut self) -> Result<bool, ReadError> {
        if self.input.bytes().is_empty() {
            self.input.fill(1)?;
            if self.input.bytes().is_empty() {
                return Ok(false);
            }
        }
        self.block.number += 1;
        let (name, number) = (&self.name, self.block.number);
        let (records, compressed, sync) = parsed(&mut self.input, block, |why| damaged(name, number, why))?;
        if sync != self.sync {
            return Err(self.damaged("it does not end with the file's marker"));
        }
        self.block.bytes = self.codec.plain(compressed).map_err(|reason| self.damaged(&reason))?;
        self.block.at = 0;
        // Records without bytes are rare, but a number that is damaged is not.
        let left =
            u64::try_from(records).ok().filter(|left| *left <= self.block.bytes.len().max(1 << 20) as u64);
        self.block.left = left.ok_or_else(|| self.damaged(&format!("it can't hold {records} records")))?;
        Ok(true)
    }

    fn damaged(&self, reason: &str) -> ReadError {
        damaged(&self.name, self.block.number, reason)
    }
}

// Takes what is parsed at the beginning of the bytes at hand, once there are enough of them.
fn parsed<T>(
    input: &mut Input,
    parse: fn(&mut ByteCursor<'_>) -> Result<T, Cut>,
    damaged: impl Fn(&str) -> ReadError,
) -> Result<T, ReadError> {
    loop {
        let mut bytes = ByteCursor::new(input.bytes());
        match parse(&mut bytes) {
            Ok(parsed) => {
                let taken = input.bytes().len() - bytes.rest().len();
                input.consume(taken);
                return Ok(parsed);
            }
            Err(Cut::Beyond) if input.bytes().len() >= MAX_RECORD => return Err(damaged("it is too large")),
            Err(Cut::Beyond) if !input.is_at_end() => input.fill(1)?,
            Err(cut) => return Err(damaged(&cut.to_string())),
        }
    }
}

fn damaged(name: &str, block: u64, reason: &str) -> ReadError {
    let place = if block == 0 { "its header".to_owned() } else { format!("block {block}") };
    let message = format!("`{name}` is damaged in {place}: {reason}");
    ReadError::permanent(Stage::Read, code::DAMAGED_FILE, message)
}

// How many records a block holds, itself, and the marker.
fn block(bytes: &mut ByteCursor<'_>) -> Result<(i64, Vec<u8>, [u8; 16]), Cut> {
    Ok((bytes.varint()?, bytes.of_length()?.to_vec(), bytes.array()?))
}

// Schema, codec and the marker that ends each block.
fn header(bytes: &mut ByteCursor<'_>) -> Result<([Vec<u8>; 2], [u8; 16]), Cut> {
    let (mut schema, mut codec) = (Vec::new(), Vec::new());
    loop {
        let entries = bytes.varint()?;
        if entries < 0 {
            bytes.varint()?;
        }
        if entries == 0 {
            return Ok(([schema, codec], bytes.array()?));
        }
        for _ in 0..entries.unsigned_abs() {
            match (bytes.of_length()?, bytes.of_length()?) {
                (b"avro.schema", text) => schema = text.to_vec(),
                (b"avro.codec", name) => codec = name.to_vec(),
                _ => {}
            }
        }
    }
}

// === The schema ===

#[derive(Debug, Clone)]
enum Type {
    Null,
    Boolean,
    Integer,
    Float,
    Double,
    /// Of a fixed length, or with its length before it.
    Bytes(Option<usize>),
    Text,
    Uuid,
    Enum(Vec<String>),
    Date,
    /// A time of day, so many units a second.
    Time(i64),
    /// So many units a second; an instant, or local.
    Timestamp(i64, bool),
    /// Digits, those of them behind the point, and its bytes.
    Decimal(u8, u8, Option<usize>),
    List(Box<Type>),
    Map(Box<Type>),
    Record(Vec<(String, Type)>),
    Union(Vec<Type>),
    /// One that has a name, and may hold itself.
    Named(usize),
}

#[derive(Debug, Default)]
struct Schema {
    fields: Vec<(String, Type)>,
    /// The record is its one field's value.
    is_bare: bool,
    named: Vec<Type>,
    places: HashMap<String, usize>,
}

impl Schema {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let json: Json = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let mut schema = Self::default();
        let root = schema.type_of(&json, "")?;
        (schema.fields, schema.is_bare) = (vec![("value".to_owned(), root.clone())], true);
        if let Type::Named(place) = root
            && let Type::Record(fields) = &schema.named[place]
        {
            (schema.fields, schema.is_bare) = (fields.clone(), false);
        }
        Ok(schema)
    }

    fn type_of(&mut self, json: &Json, space: &str) -> Result<Type, String> {
        match json {
            Json::String(name) => self.by_name(name, space),
            Json::Array(variants) => variants
                .iter()
                .map(|json| self.type_of(json, space))
                .collect::<Result<_, _>>()
                .map(Type::Union),
            Json::Object(_) => {
                let plain = match json["type"].as_str() {
                    Some("record" | "error") => return self.record(json, space),
                    Some("array") => Type::List(Box::new(self.type_of(&json["items"], space)?)),
                    Some("map") => Type::Map(Box::new(self.type_of(&json["values"], space)?)),
                    Some("enum") => Type::Enum(Vec::deserialize(&json["symbols"]).unwrap_or_default()),
                    Some("fixed") => Type::Bytes(json["size"].as_u64().and_then(|size| size.try_into().ok())),
                    _ => self.type_of(&json["type"], space)?,
                };
                let of = logical(json, plain);
                if matches!(json["type"].as_str(), Some("enum" | "fixed")) {
                    self.places.insert(full_name(json, space), self.named.len());
                    self.named.push(of.clone());
                }
                Ok(of)
            }
            other => Err(format!("`{other}` is no type")),
        }
    }

    fn by_name(&self, name: &str, space: &str) -> Result<Type, String> {
        Ok(match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" | "long" => Type::Integer,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes(None),
            "string" => Type::Text,
            other => {
                let place = self.places.get(&format!("{space}.{other}")).or_else(|| self.places.get(other));
                Type::Named(*place.ok_or_else(|| format!("it has no type `{other}`"))?)
            }
        })
    }

    fn record(&mut self, json: &Json, space: &str) -> Result<Type, String> {
        let name = full_name(json, space);
        let space = name.rsplit_once('.').map_or("", |(space, _)| space).to_owned();
        let place = self.named.len();
        self.named.push(Type::Null);
        self.places.insert(name, place);
        let mut fields = Vec::new();
        for field in json["fields"].as_array().ok_or("a record has no fields")? {
            let name = field["name"].as_str().ok_or("a field has no name")?;
            fields.push((name.to_owned(), self.type_of(&field["type"], &space)?));
        }
        self.named[place] = Type::Record(fields);
        Ok(Type::Named(place))
    }

    // `None` if all its values are NULL.
    fn sql_type(&self, of: &Type) -> Option<SqlType> {
        Some(match of {
            Type::Null => return None,
            Type::Named(place) => return self.sql_type(&self.named[*place]),
            Type::Boolean => SqlType::Boolean,
            Type::Integer => SqlType::BigInt,
            Type::Float | Type::Double => SqlType::Double,
            Type::Bytes(_) => SqlType::Blob,
            Type::Text | Type::Uuid | Type::Enum(_) | Type::Time(_) => SqlType::Varchar,
            Type::Date => SqlType::Date,
            Type::Timestamp(_, true) => SqlType::TimestampTz,
            Type::Timestamp(_, false) => SqlType::Timestamp,
            Type::Decimal(precision, scale, _) => SqlType::Decimal(*precision, *scale),
            Type::List(_) | Type::Map(_) | Type::Record(_) => SqlType::Json,
            Type::Union(variants) => {
                let types = variants.iter().filter_map(|of| self.sql_type(of));
                return types.reduce(|all, next| if all == next { all } else { SqlType::Varchar });
            }
        })
    }
}

fn full_name(json: &Json, space: &str) -> String {
    let name = json["name"].as_str().unwrap_or_default();
    match json["namespace"].as_str().unwrap_or(space) {
        _ if name.contains('.') => name.to_owned(),
        "" => name.to_owned(),
        space => format!("{space}.{name}"),
    }
}

// A logical type that does not fit its plain one means nothing, says the specification.
fn logical(json: &Json, plain: Type) -> Type {
    match (json["logicalType"].as_str().unwrap_or_default(), plain) {
        ("date", Type::Integer) => Type::Date,
        ("time-millis", Type::Integer) => Type::Time(1_000),
        ("time-micros", Type::Integer) => Type::Time(1_000_000),
        (name, Type::Integer) => {
            let local = name.strip_prefix("local-");
            match local.unwrap_or(name) {
                "timestamp-millis" => Type::Timestamp(1_000, local.is_none()),
                "timestamp-micros" => Type::Timestamp(1_000_000, local.is_none()),
                "timestamp-nanos" => Type::Timestamp(1_000_000_000, local.is_none()),
                _ => Type::Integer,
            }
        }
        ("uuid", Type::Bytes(Some(16))) => Type::Uuid,
        ("decimal", Type::Bytes(length)) => {
            let number = |key: &str| json[key].as_u64().unwrap_or(0);
            match (number("precision"), number("scale")) {
                (precision @ 1..=38, scale) if scale <= precision => {
                    Type::Decimal(precision as u8, scale as u8, length)
                }
                _ => Type::Bytes(length),
            }
        }
        (_, plain) => plain,
    }
}

// === Values ===

/// More levels of a type within itself are taken for damage.
const MAX_DEPTH: usize = 500;

struct Decoder<'a> {
    schema: &'a Schema,
    bytes: ByteCursor<'a>,
    body: RecordBody,
    depth: usize,
}

impl Decoder<'_> {
    fn row(&mut self, columns: &[(String, Option<SqlType>)]) -> Result<Row, String> {
        let schema = self.schema;
        let mut cells = Vec::with_capacity(columns.len());
        for ((name, of), (_, column)) in schema.fields.iter().zip(columns) {
            if !schema.is_bare {
                self.body.member(name, cells.is_empty());
            }
            let start = self.body.len();
            let cell = self.value(of)?;
            cells.push(self.body.cell(cell, column.as_ref(), start));
        }
        if !schema.is_bare {
            self.body.raw(if cells.is_empty() { "{}" } else { "}" });
        }
        Ok(std::mem::take(&mut self.body).finish(cells))
    }

    // Writes a value to the body, and gives it where it is a column's.
    fn value(&mut self, of: &Type) -> Result<AnyValue<'static>, String> {
        if self.depth > MAX_DEPTH {
            return Err(format!("a value is nested deeper than {MAX_DEPTH} levels"));
        }
        if self.body.len() > MAX_RECORD {
            return Err(format!("a record is larger than {} MiB", MAX_RECORD >> 20));
        }
        self.depth += 1;
        let schema = self.schema;
        let value = match of {
            Type::Null => self.body.null(),
            Type::Boolean => match self.bytes.byte()? {
                byte @ (0 | 1) => self.body.boolean(byte == 1),
                byte => return Err(format!("{byte} is no boolean")),
            },
            Type::Integer => self.body.bigint(self.bytes.varint()?),
            Type::Float => self.body.float(f32::from_le_bytes(self.bytes.array()?)),
            Type::Double => self.body.double(f64::from_le_bytes(self.bytes.array()?)),
            Type::Bytes(length) => self.body.bytes(self.bytes.fixed_or_prefixed(*length)?),
            Type::Text => self.body.text_of(self.bytes.of_length()?),
            Type::Uuid => self.body.text(&uuid::Uuid::from_bytes(self.bytes.array()?).to_string()),
            Type::Enum(symbols) => self.body.text(one_of(symbols, self.bytes.varint()?, "an enum")?),
            Type::Date => self.body.date(self.bytes.varint()?),
            Type::Time(per_second) => self.body.time(self.bytes.varint()?, *per_second),
            Type::Timestamp(per_second, is_instant) => {
                self.body.timestamp(self.bytes.varint()?, *per_second, *is_instant)
            }
            Type::Decimal(precision, scale, length) => {
                self.body.decimal(self.bytes.fixed_or_prefixed(*length)?, *precision, *scale)
            }
            Type::List(items) => self.items("[", "]", |decoder| decoder.value(items))?,
            Type::Map(values) => self.items("{", "}", |decoder| {
                let key = String::from_utf8_lossy(decoder.bytes.of_length()?);
                decoder.body.json(&key);
                decoder.body.raw(":");
                decoder.value(values)
            })?,
            Type::Record(fields) => {
                for (place, (name, of)) in fields.iter().enumerate() {
                    self.body.member(name, place == 0);
                    self.value(of)?;
                }
                self.body.raw(if fields.is_empty() { "{}" } else { "}" })
            }
            Type::Union(variants) => {
                let place = self.bytes.varint()?;
                self.value(one_of(variants, place, "a union")?)?
            }
            Type::Named(place) => self.value(&schema.named[*place])?,
        };
        self.depth -= 1;
        Ok(value)
    }

    // Lists and maps come in blocks; a count below zero has the block's size behind it.
    fn items(
        &mut self,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<AnyValue<'static>, String>,
    ) -> Result<AnyValue<'static>, String> {
        self.body.raw(open);
        let mut is_first = true;
        loop {
            let count = self.bytes.varint()?;
            if count < 0 {
                self.bytes.varint()?;
            }
            if count == 0 {
                return Ok(self.body.raw(close));
            }
            for _ in 0..count.unsigned_abs() {
                if !std::mem::take(&mut is_first) {
                    self.body.raw(",");
                }
                item(self)?;
            }
        }
    }
}

fn one_of<'t, T>(all: &'t [T], place: i64, what: &str) -> Result<&'t T, String> {
    let found = usize::try_from(place).ok().and_then(|place| all.get(place));
    found.ok_or_else(|| format!("{what} of {} has no number {place}", all.len()))
}
