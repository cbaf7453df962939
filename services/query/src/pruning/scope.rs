//! The tables of a FROM clause, and the predicates that surely filter the rows of each. Where a row that fails a predicate could
//! still matter, as on the side of an outer join that is filled with NULLs, the predicate is not one of the table's.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value as Json};

use super::{Predicate, Zone};

/// A place where a statement names a table. The default one filters nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// What the table's rows must be like there; all of it.
    pub filters: Vec<Arc<Predicate>>,
    names: Names,
}

// By which names columns of a table are meant.
#[derive(Debug, Clone, Default, PartialEq)]
struct Names {
    alias: String,
    // A table under its own name may be written with its schema.
    schema: Option<String>,
    // Two tables of one name: qualified columns are not told apart.
    is_unique: bool,
    // None: a natural join makes columns of its own.
    using: Option<Arc<Vec<String>>>,
    // USING means the column of the leftmost table.
    is_leftmost: bool,
}

/// The places of one FROM clause, by the address of the table's node.
pub type Places = HashMap<usize, Place>;

/// The address by which a node is found again.
pub fn address(node: &Map<String, Json>) -> usize {
    std::ptr::from_ref(node) as usize
}

/// Reads a SELECT node.
pub fn places(select: &Map<String, Json>, zone: Zone) -> Places {
    let mut scope =
        Scope { zone, found: Places::new(), aliases: Vec::new(), using: Vec::new(), natural: false };
    // A sample is taken before rows are filtered.
    let is_sampled = select.get("sample").is_some_and(|sample| !sample.is_null());
    let condition = select.get("where_clause").filter(|clause| clause.is_object() && !is_sampled);
    let filters = condition.map(|clause| Arc::new(Predicate::read(clause, zone))).into_iter().collect();
    if let Some(from) = select.get("from_table") {
        scope.tree(from, filters, true);
    }
    scope.finish()
}

struct Scope {
    zone: Zone,
    found: Places,
    aliases: Vec<String>,
    using: Vec<String>,
    natural: bool,
}

type Filters = Vec<Arc<Predicate>>;

// Of one table. Each join adds its condition, and a statement may join a thousand tables.
const MAX_FILTERS: usize = 32;

impl Scope {
    fn tree(&mut self, node: &Json, filters: Filters, leftmost: bool) {
        let Some(object) = node.as_object() else { return };
        let is_sampled = object.get("sample").is_some_and(|sample| !sample.is_null());
        let filters = if is_sampled { Filters::new() } else { filters };
        match text(object, "type") {
            "JOIN" => self.join(object, filters, leftmost),
            "BASE_TABLE" => self.table(object, filters, leftmost),
            "TABLE_FUNCTION" => self.other(object, called(object)),
            _ => self.other(object, ""),
        }
    }

    fn join(&mut self, join: &Map<String, Json>, filters: Filters, leftmost: bool) {
        let using = join.get("using_columns").and_then(Json::as_array).into_iter().flatten();
        self.using.extend(using.filter_map(|name| Some(name.as_str()?.to_owned())));
        let plain = matches!(text(join, "ref_type"), "REGULAR" | "CROSS");
        self.natural |= text(join, "ref_type") == "NATURAL";
        let condition = join.get("condition").filter(|condition| condition.is_object());
        let condition: Filters =
            condition.map(|node| Arc::new(Predicate::read(node, self.zone))).into_iter().collect();
        let both = || filters.iter().chain(&condition).take(MAX_FILTERS).cloned().collect::<Filters>();
        let (left, right) = match text(join, "join_type") {
            _ if !plain => (Vec::new(), Vec::new()),
            "INNER" => (both(), both()),
            "LEFT" => (filters, condition),
            "RIGHT" => (condition, filters),
            "SEMI" => (both(), condition),
            "ANTI" => (filters, condition),
            _ => (Vec::new(), Vec::new()),
        };
        if let (Some(first), Some(second)) = (join.get("left"), join.get("right")) {
            self.tree(first, left, leftmost);
            self.tree(second, right, false);
        }
    }

    fn table(&mut self, node: &Map<String, Json>, filters: Filters, is_leftmost: bool) {
        let name = text(node, "table_name");
        self.other(node, name);
        let is_renamed =
            node.get("column_name_alias").and_then(Json::as_array).is_some_and(|names| !names.is_empty());
        if is_renamed {
            return;
        }
        let Some(alias) = self.aliases.last().cloned() else { return };
        let schema = text(node, "alias").is_empty().then(|| match text(node, "schema_name") {
            "" => "main".to_owned(),
            schema => schema.to_owned(),
        });
        let names = Names { alias, schema, is_leftmost, ..Names::default() };
        self.found.insert(address(node), Place { filters, names });
    }

    fn other(&mut self, node: &Map<String, Json>, name: &str) {
        let alias = text(node, "alias");
        self.aliases.push(if alias.is_empty() { name } else { alias }.to_owned());
    }

    fn finish(mut self) -> Places {
        let using = (!self.natural).then(|| Arc::new(std::mem::take(&mut self.using)));
        for place in self.found.values_mut() {
            let names = &mut place.names;
            let same = self.aliases.iter().filter(|alias| alias.eq_ignore_ascii_case(&names.alias)).count();
            names.is_unique = same == 1;
            names.using.clone_from(&using);
        }
        self.found
    }
}

impl Place {
    /// The name of this table's column that a path means; `None` if it might mean another one's.
    pub fn column<'a>(&self, path: &'a [String]) -> Option<&'a str> {
        let names = &self.names;
        let is_alias = |name: &String| names.is_unique && name.eq_ignore_ascii_case(&names.alias);
        match path {
            [column] => {
                let merged = names.using.as_ref()?.iter().any(|name| name.eq_ignore_ascii_case(column));
                (!merged || names.is_leftmost).then_some(column.as_str())
            }
            [table, column] if is_alias(table) => Some(column.as_str()),
            [schema, table, column] if is_alias(table) => names
                .schema
                .as_ref()
                .filter(|known| known.eq_ignore_ascii_case(schema))
                .map(|_| column.as_str()),
            _ => None,
        }
    }
}

fn text<'a>(object: &'a Map<String, Json>, key: &str) -> &'a str {
    object.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn called(function: &Map<String, Json>) -> &str {
    let function = function.get("function").and_then(Json::as_object);
    function.map(|function| text(function, "function_name")).unwrap_or_default()
}
