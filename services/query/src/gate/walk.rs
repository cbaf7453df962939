//! A walk over the parsed statement. What it does not know, it refuses.

use serde_json::{Map, Value as Json};

use super::{Space, Table, functions};
use crate::{
    error::QueryError,
    pruning::{self, Place, Places, Zone},
    rewrite::{CATALOG, INFORMATION},
};

// Deeper than this, binder and optimizer could run out of stack.
const MAX_DEPTH: usize = 1500;
// More queries and tables than this in one statement would be planned for minutes, which nothing can interrupt.
const MAX_PARTS: usize = 1000;

const NODES: [&str; 4] = ["SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"];
// Objects with a `type` that are neither node, table nor expression.
const PARTS: [&str; 7] = [
    "ORDER_MODIFIER",
    "LIMIT_MODIFIER",
    "LIMIT_PERCENT_MODIFIER",
    "DISTINCT_MODIFIER",
    "ORDER_DEFAULT",
    "ASCENDING",
    "DESCENDING",
];

/// The tables that a statement names, each at each of its places.
pub fn places(statement: &Json, zone: Zone) -> Result<Vec<(Table, Place)>, QueryError> {
    let mut walk =
        Walk { zone, found: Vec::new(), filtered: Places::new(), scope: Vec::new(), depth: 0, parts: 0 };
    if !statement["node"]["type"].as_str().is_some_and(|kind| NODES.contains(&kind)) {
        return Err(refused("a statement of this kind"));
    }
    walk.value(statement)?;
    Ok(walk.found)
}

/// The query that stands for SHOW TABLES and its like, if the statement is one.
pub fn show_instead(statement: &Json) -> Result<Option<String>, QueryError> {
    let from = &statement["node"]["from_table"];
    if from["type"] != "SHOW_REF" || !from["query"].is_null() {
        return Ok(None);
    }
    let name = from["table_name"].as_str().unwrap_or_default();
    match name.trim_matches('"').to_lowercase().as_str() {
        "tables" => Ok(Some(format!(
            "SELECT table_name AS name FROM {INFORMATION}.tables WHERE table_schema = 'main' ORDER BY 1"
        ))),
        "__show_tables_expanded" => Ok(Some(format!(
            "SELECT table_catalog AS database, table_schema AS schema, table_name AS name FROM {INFORMATION}.tables ORDER BY ALL"
        ))),
        "databases" | "variables" | "schemas" | "all_tables" => Err(refused(&format!("SHOW {name}"))),
        _ => Ok(Some(format!("DESCRIBE {name}"))),
    }
}

struct Walk {
    zone: Zone,
    found: Vec<(Table, Place)>,
    // Places of FROM clauses that are being walked through. A table that is found elsewhere has no filter.
    filtered: Places,
    scope: Vec<String>,
    depth: usize,
    parts: usize,
}

type Done = Result<(), QueryError>;

impl Walk {
    fn value(&mut self, value: &Json) -> Done {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(QueryError::Invalid("the statement nests too deeply; split it".to_owned()));
        }
        match value {
            Json::Array(items) => items.iter().try_for_each(|item| self.value(item))?,
            Json::Object(object) => self.object(object)?,
            _ => {}
        }
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, object: &Map<String, Json>) -> Done {
        if let Some(class) = text(object, "class") {
            return self.expression(class, object);
        }
        match text(object, "type") {
            None => self.children(object, &[]),
            Some(kind) if PARTS.contains(&kind) || kind.ends_with("_TYPE_INFO") => self.children(object, &[]),
            Some(_) if self.parts >= MAX_PARTS => Err(QueryError::Invalid(format!(
                "the statement has more than {MAX_PARTS} queries and tables; split it"
            ))),
            Some(kind) => {
                self.parts += 1;
                if NODES.contains(&kind) { self.node(kind, object) } else { self.table(kind, object) }
            }
        }
    }

    fn children(&mut self, object: &Map<String, Json>, but: &[&str]) -> Done {
        object
            .iter()
            .filter(|(key, _)| !but.contains(&key.as_str()))
            .try_for_each(|(_, value)| self.value(value))
    }

    // A name counts only where its CTE is in scope: elsewhere it would be looked up, and a name can be a path.
    fn node(&mut self, kind: &str, object: &Map<String, Json>) -> Done {
        let outer = self.scope.len();
        for entry in object.get("cte_map").and_then(|map| map["map"].as_array()).into_iter().flatten() {
            if !entry["value"]["query"]["node"]["type"].as_str().is_some_and(|kind| NODES.contains(&kind)) {
                return Err(refused("a CTE that is no query"));
            }
            self.value(&entry["value"])?;
            self.scope.push(entry["key"].as_str().unwrap_or_default().to_lowercase());
        }
        if kind == "SELECT_NODE" {
            self.filtered.extend(pruning::places(object, self.zone));
        }
        match kind {
            "RECURSIVE_CTE_NODE" => {
                self.scope.push(text(object, "cte_name").unwrap_or_default().to_lowercase());
                self.children(object, &["cte_map"])?;
            }
            "CTE_NODE" => {
                self.value(object.get("query").unwrap_or(&Json::Null))?;
                self.scope.push(text(object, "cte_name").unwrap_or_default().to_lowercase());
                self.children(object, &["cte_map", "query"])?;
            }
            _ => self.children(object, &["cte_map"])?,
        }
        self.scope.truncate(outer);
        Ok(())
    }

    fn table(&mut self, kind: &str, object: &Map<String, Json>) -> Done {
        match kind {
            "BASE_TABLE" => self.base_table(object),
            "EMPTY" | "SUBQUERY" | "JOIN" | "EXPRESSION_LIST" | "PIVOT" => self.children(object, &[]),
            "SHOW_REF" if object.get("query").is_some_and(Json::is_object) => self.children(object, &[]),
            "TABLE_FUNCTION" => self.table_function(object),
            other => Err(refused(&format!("`{other}`"))),
        }
    }

    fn base_table(&mut self, object: &Map<String, Json>) -> Done {
        let part = |key| text(object, key).unwrap_or_default().to_lowercase();
        let (catalog, schema, name) = (part("catalog_name"), part("schema_name"), part("table_name"));
        if object.get("at_clause").is_some_and(|at| !at.is_null()) {
            return Err(refused("AT (VERSION or TIMESTAMP)"));
        }
        if catalog.is_empty() && schema.is_empty() && self.scope.contains(&name) {
            return self.children(object, &[]);
        }
        let space = match schema.as_str() {
            _ if !catalog.is_empty() => return Err(unknown_schema(&format!("{catalog}.{schema}"))),
            "" | "main" => Space::Main,
            "raw" => Space::Raw,
            "meta" => Space::Meta,
            INFORMATION => Space::Information,
            other => return Err(unknown_schema(other)),
        };
        let place = self.filtered.remove(&pruning::address(object)).unwrap_or_default();
        self.found.push((Table { space, name }, place));
        self.children(object, &[])
    }

    fn table_function(&mut self, object: &Map<String, Json>) -> Done {
        let function = object.get("function").and_then(Json::as_object);
        let name =
            function.and_then(|function| text(function, "function_name")).unwrap_or_default().to_lowercase();
        let Some(function) = function
            .filter(|function| text(function, "class") == Some("FUNCTION") && functions::may_be_table(&name))
        else {
            return Err(refused(&format!("the table function `{name}`")));
        };
        home(function, &name)?;
        self.children(function, &[])?;
        self.children(object, &["function"])
    }

    fn expression(&mut self, class: &str, object: &Map<String, Json>) -> Done {
        match class {
            // Its value is data.
            "CONSTANT" => Ok(()),
            "FUNCTION" | "WINDOW" => {
                let name = text(object, "function_name").unwrap_or_default().to_lowercase();
                if !functions::may_be_called(&name) {
                    return Err(refused(&format!("the function `{name}`")));
                }
                home(object, &name)?;
                self.children(object, &[])
            }
            "BOUND_EXPRESSION" | "INVALID" => Err(refused(&format!("`{class}`"))),
            _ => self.children(object, &[]),
        }
    }
}

fn home(function: &Map<String, Json>, name: &str) -> Done {
    let schema = text(function, "schema").unwrap_or_default().to_lowercase();
    let catalog = text(function, "catalog").unwrap_or_default().to_lowercase();
    if matches!(schema.as_str(), "" | "main" | "pg_catalog") && matches!(catalog.as_str(), "" | "system") {
        return Ok(());
    }
    Err(refused(&format!("the function `{catalog}.{schema}.{name}`")))
}

fn text<'a>(object: &'a Map<String, Json>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Json::as_str)
}

fn refused(what: &str) -> QueryError {
    QueryError::NotAllowed(format!(
        "{what} is not allowed: queries read datasets (`rfe datasets` lists them) and nothing else"
    ))
}

fn unknown_schema(name: &str) -> QueryError {
    QueryError::Invalid(format!(
        "there is no schema `{name}`; tables are in `main`, `raw` and `meta`, or in full `{CATALOG}.main.<dataset>`"
    ))
}
