//! `rfe preview`.

use std::path::PathBuf;

use clap::Args;
use rfe_client::{
    Error, ErrorCode, Fault,
    dlq::Position,
    ingest::{Preview as Previewed, PreviewBadRecord, PreviewColumn},
    metadata::Source,
};

use super::apply;
use crate::{error::CliError, out::note, session::Session, table::Table, text};

const KIND_MISMATCH: &str = "SOURCE_KIND_MISMATCH";
const WIDEST: usize = 60;

/// Arguments of `preview`.
#[derive(Debug, Args)]
pub struct Preview {
    /// The source
    #[arg(required_unless_present = "file")]
    source: Option<String>,
    /// A sources file that has the source; without a name, all of its sources that can be read
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How many rows, up to 1,000
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=1000))]
    rows: i32,
}

impl Preview {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        match (&self.file, &self.source) {
            (None, Some(name)) => {
                let preview = session.client.preview_source(name, self.rows).await?;
                show(session, &preview)
            }
            (None, None) => Err(CliError::Usage("name a source, or a file with -f".to_owned())),
            (Some(file), name) => {
                let sources = apply::check_file(&session.client, file).await?;
                let sources = match name {
                    Some(name) => vec![named(sources, name, file.display())?],
                    None => sources,
                };
                self.each(session, sources).await
            }
        }
    }

    // One that can't be read does not keep the others from being shown.
    async fn each(&self, session: &mut Session, sources: Vec<Source>) -> Result<(), CliError> {
        let is_one = sources.len() == 1;
        let mut failed = 0;
        for source in sources {
            match session.client.preview_spec(source, self.rows).await {
                Ok(preview) => show(session, &preview)?,
                Err(error) if is_one || error.code() == ErrorCode::Unavailable => return Err(error.into()),
                Err(error) if error.reason() == Some(KIND_MISMATCH) => note(&error.to_string()),
                Err(error) => {
                    failed += 1;
                    note(&format!("error: {error}"));
                }
            }
        }
        match failed {
            0 => Ok(()),
            _ => Err(CliError::Failed(format!("{} could not be previewed", text::many(failed, "source")))),
        }
    }
}

fn named(sources: Vec<Source>, name: &str, file: impl std::fmt::Display) -> Result<Source, CliError> {
    let known: Vec<String> = sources.iter().map(|source| format!("`{}`", source.name)).collect();
    let found = sources.into_iter().find(|source| source.name == name);
    found.ok_or_else(|| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("{file} has no source `{name}`; it has {known}");
        Error::Refused(Box::new(Fault::new(ErrorCode::NotFound, "SOURCE_NOT_FOUND", message))).into()
    })
}

fn show(session: &mut Session, preview: &Previewed) -> Result<(), CliError> {
    if session.json {
        return session.out.message(preview);
    }
    session.out.line(&headline(preview))?;
    for part in [columns(preview), rows(preview), bad_records(preview)].into_iter().flatten() {
        session.out.line(&format!("\n{part}"))?;
    }
    if !preview.changes.is_empty() && preview.schema_version > 0 {
        let changes = preview.changes.join("\n  ");
        let version = preview.schema_version;
        session.out.line(&format!("\nchanges against schema version {version}:\n  {changes}"))?;
    }
    if !preview.would_fail.is_empty() {
        session.out.line(&format!("\na run would fail: {}", preview.would_fail))?;
    }
    session.out.line("")?;
    session.out.flush()
}

fn headline(preview: &Previewed) -> String {
    let read = text::many(preview.records_read, "record");
    let of = match (preview.complete, preview.records_read) {
        (true, 0) => "no records".to_owned(),
        (true, _) => format!("all {read}"),
        (false, _) => format!("the first {read}; later ones may widen types and bring columns"),
    };
    let bad = match preview.records_bad {
        0 => String::new(),
        bad => format!(", {} of them bad", text::count(bad)),
    };
    format!("{}: {of}{bad}", preview.source)
}

fn columns(preview: &Previewed) -> Option<String> {
    let mut table = Table::new(&["COLUMN", "TYPE", "NOTE"]).widest(WIDEST);
    for column in &preview.columns {
        table.row(&[column.name.as_str(), &column.r#type, &column_note(column)]);
    }
    (!table.is_empty()).then(|| table.render())
}

fn column_note(column: &PreviewColumn) -> String {
    let declared = if column.declared { "declared" } else { "" };
    [column.change.as_str(), declared]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

fn rows(preview: &Previewed) -> Option<String> {
    let names: Vec<&str> = preview.columns.iter().map(|column| column.name.as_str()).collect();
    let mut table = Table::new(&names).widest(WIDEST);
    for row in &preview.rows {
        let cells = row.cells.iter().map(|cell| cell.text.as_deref().unwrap_or("NULL"));
        table.row(&cells.collect::<Vec<_>>());
    }
    (!table.is_empty()).then(|| table.render())
}

fn bad_records(preview: &Previewed) -> Option<String> {
    let mut table = Table::new(&["BAD AT", "CODE", "MESSAGE", "RECORD"]).widest(100);
    for bad in &preview.bad_records {
        let position = bad.position.clone().unwrap_or_default();
        table.row(&[place(&position), bad.code.clone(), message(bad), bad.raw.clone()]);
    }
    (!table.is_empty()).then(|| table.render())
}

fn message(bad: &PreviewBadRecord) -> String {
    let names_field = bad.field_path.is_empty() || bad.message.contains(&bad.field_path);
    if names_field { bad.message.clone() } else { format!("{}: {}", bad.field_path, bad.message) }
}

fn place(position: &Position) -> String {
    let Position { file, line, record, page } = position;
    let within = match (line, record, page) {
        (1.., _, _) => format!("line {line}"),
        (_, 1.., 1..) => format!("page {page}, record {record}"),
        (_, 1.., _) => format!("record {record}"),
        (_, _, 1..) => format!("page {page}"),
        _ => String::new(),
    };
    // The end of a path says more than its begin.
    let name = file.rsplit('/').next().unwrap_or(file);
    match (name.is_empty(), within.is_empty()) {
        (false, false) => format!("{name}, {within}"),
        (false, true) => name.to_owned(),
        (true, _) => within,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_file_and_line_or_by_page_and_record() {
        let at =
            |file: &str, line, page, record| place(&Position { file: file.to_owned(), line, record, page });
        assert_eq!(at("/data/people.csv", 4, 0, 0), "people.csv, line 4");
        assert_eq!(at("", 0, 2, 7), "page 2, record 7");
        assert_eq!(at("x.parquet", 0, 0, 3), "x.parquet, record 3");
    }

    #[test]
    fn the_headline_says_whether_types_are_final() {
        let of = |records_read, records_bad, complete| {
            let source = "a".to_owned();
            headline(&Previewed { source, records_read, records_bad, complete, ..Previewed::default() })
        };
        assert_eq!(of(3, 1, true), "a: all 3 records, 1 of them bad");
        assert_eq!(of(0, 0, true), "a: no records");
        assert!(of(1000, 0, false).starts_with("a: the first 1,000 records; later ones may widen"));
    }
}
