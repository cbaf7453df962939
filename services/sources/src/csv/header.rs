//! The names of a file's fields.

use rfe_model::{letter::Stage, name::settle_columns};

use super::{
    dialect::Dialect,
    frame::{Quoting, value},
    records::Records,
};
use crate::{ReadError, error::code, location::SourceFile};

/// Reads past the header, so that the records know how many fields they have. The settled names of the fields, `None` if the file holds no record.
pub(super) fn read(
    file: &SourceFile,
    dialect: &Dialect,
    records: &mut Records,
) -> Result<Option<Vec<String>>, ReadError> {
    let names = read_names(file, dialect, records)?;
    if let Some(names) = &names {
        records.expect_fields(names.len());
    }
    Ok(names)
}

fn read_names(
    file: &SourceFile,
    dialect: &Dialect,
    records: &mut Records,
) -> Result<Option<Vec<String>>, ReadError> {
    let Some(framed) = records.next(dialect)? else { return Ok(None) };
    let bad = |reason: &str| {
        let message = format!("the header on line {} of `{}` {reason}", records.line(), file.name);
        ReadError::permanent(Stage::Decode, code::BAD_HEADER, message)
    };
    if !dialect.header {
        let width = records.fields().len();
        return Ok(Some(if dialect.names.is_empty() {
            settle_columns(&vec![""; width])
        } else {
            settle_columns(&dialect.names)
        }));
    }
    match framed.quoting {
        Quoting::Unclosed => return Err(bad("opens a quote that never closes")),
        Quoting::Stray => return Err(bad("has text behind a closing quote")),
        Quoting::Fine => {}
    }
    let mut names = Vec::with_capacity(records.fields().len());
    for field in records.fields() {
        let bytes = &records.record(framed)[field.start..field.end];
        let text = std::str::from_utf8(bytes).map_err(|_| bad(&records.encoding().no_text()))?;
        names.push(value(dialect, text.into(), *field).into_owned());
    }
    records.pass(framed);
    Ok(Some(if dialect.names.is_empty() { settle_columns(&names) } else { settle_columns(&dialect.names) }))
}

/// The columns of all files: those of the first, then what others have besides. Names that differ by case alone are one.
pub(super) fn union(headers: &[Vec<String>]) -> Vec<String> {
    let mut union: Vec<String> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for name in headers.iter().flatten() {
        if known.insert(name.to_lowercase()) {
            union.push(name.clone());
        }
    }
    union
}

/// Where each name of a header stands in the union.
pub(super) fn places(header: &[String], union: &[String]) -> Vec<usize> {
    let at: std::collections::HashMap<String, usize> =
        union.iter().enumerate().map(|(at, name)| (name.to_lowercase(), at)).collect();
    header.iter().filter_map(|name| at.get(&name.to_lowercase()).copied()).collect()
}
