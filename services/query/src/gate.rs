//! Decides from the parsed statement whether it is a query over datasets, and over which. DuckDB's own locks are not enough:
//! they let writes into memory, DDL, `ATTACH ':memory:'`, CALL and several statements at once pass.

mod functions;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Deserialize as _;
use serde_json::Value as Json;

use crate::{
    duck::{Database, DuckError, Value},
    error::QueryError,
    pruning::{Place, Zone},
    rewrite,
};

/// Where a table is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Processed rows.
    Main,
    /// What was read.
    Raw,
    /// The registry.
    Meta,
    /// Names and columns.
    Information,
}

impl Space {
    /// The schema's name in the engine.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Raw => "raw",
            Self::Meta => "meta",
            Self::Information => rewrite::INFORMATION,
        }
    }
}

/// A table that a statement names, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Where.
    pub space: Space,
    /// Its name.
    pub name: String,
}

/// A statement that may run.
#[derive(Debug, PartialEq)]
pub struct Gated {
    /// The text to run.
    pub sql: String,
    /// The tables it names, and no other.
    pub tables: BTreeSet<Table>,
    /// Every place where it names one.
    pub places: Vec<(Table, Place)>,
    /// Its parameters by name, with their numbers from 1.
    pub parameters: BTreeMap<String, usize>,
}

impl Gated {
    fn of(statement: &Json, sql: String, zone: Zone) -> Result<Self, QueryError> {
        let places = walk::places(statement, zone)?;
        let tables = places.iter().map(|(table, _)| table.clone()).collect();
        let parameters = statement["named_param_map"].as_array().into_iter().flatten();
        let numbered = |entry: &Json| {
            Some((entry["key"].as_str()?.to_owned(), usize::try_from(entry["value"].as_u64()?).ok()?))
        };
        Ok(Self { sql, tables, places, parameters: parameters.filter_map(numbered).collect() })
    }
}

/// The gate, over an instance that can reach nothing.
#[derive(Debug)]
pub struct Gate {
    sandbox: Arc<Database>,
    max_bytes: usize,
    zone: Zone,
}

impl Gate {
    /// A gate over a sandboxed instance, for statements in this time zone.
    pub fn new(sandbox: Arc<Database>, max_bytes: usize, zone: Zone) -> Self {
        Self { sandbox, max_bytes, zone }
    }

    /// Checks a statement. Needs a large stack: how deep the text nests is known only once it is parsed.
    pub fn check(&self, sql: &str) -> Result<Gated, QueryError> {
        if sql.len() > self.max_bytes {
            return Err(QueryError::Invalid(format!(
                "the statement has {} bytes; at most {}",
                sql.len(),
                self.max_bytes
            )));
        }
        if let Some(why) = rewrite::too_slow(sql) {
            return Err(QueryError::Invalid(why.to_owned()));
        }
        let named = rewrite::names(sql);
        let (explain, body) = rewrite::explain(&named);
        if !explain.is_empty() && rewrite::begins_with_bracket(body) {
            return Err(QueryError::NotAllowed(
                "EXPLAIN takes no options here; write EXPLAIN SELECT".to_owned(),
            ));
        }
        let statement = self.statement(body)?;
        if let Some(instead) = walk::show_instead(&statement)? {
            return Gated::of(&self.statement(&instead)?, format!("{explain}{instead}"), self.zone);
        }
        Gated::of(&statement, format!("{explain}{body}"), self.zone)
    }

    fn statement(&self, sql: &str) -> Result<Json, QueryError> {
        let text = self.parse(sql)?;
        let mut reader = serde_json::Deserializer::from_str(&text);
        reader.disable_recursion_limit();
        let mut parsed = Json::deserialize(&mut reader)
            .map_err(|error| QueryError::Internal(format!("the parser's answer: {error}")))?;
        if parsed["error"].as_bool() != Some(false) {
            return Err(refusal(&parsed));
        }
        match parsed["statements"].as_array_mut() {
            Some(statements) if statements.len() == 1 => Ok(statements.swap_remove(0)),
            Some(statements) if statements.is_empty() => {
                Err(QueryError::Invalid("the statement is empty".to_owned()))
            }
            _ => Err(QueryError::NotAllowed("one statement at a time; leave out all but one".to_owned())),
        }
    }

    fn parse(&self, sql: &str) -> Result<String, QueryError> {
        let failed = |error: DuckError| QueryError::Invalid(error.0);
        let session = self.sandbox.connect().map_err(failed)?;
        let prepared = session.prepare("SELECT json_serialize_sql(CAST($1 AS VARCHAR))").map_err(failed)?;
        prepared.bind(1, &Value::Text(sql.to_owned())).map_err(failed)?;
        let batch = prepared.stream().and_then(|mut rows| rows.next()).map_err(failed)?;
        let text = batch.and_then(|batch| {
            let column =
                arrow_array::cast::AsArray::as_string_opt::<i32>(batch.column(0))?.value(0).to_owned();
            Some(column)
        });
        text.ok_or_else(|| QueryError::Internal("the parser gave no answer".to_owned()))
    }
}

fn refusal(parsed: &Json) -> QueryError {
    let message = parsed["error_message"].as_str().unwrap_or("the statement does not parse");
    if parsed["error_type"] == "not implemented" {
        return QueryError::NotAllowed(
            "only queries are allowed: SELECT, WITH, VALUES, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN"
                .to_owned(),
        );
    }
    QueryError::Invalid(format!("Parser Error: {message}"))
}
