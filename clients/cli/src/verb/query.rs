//! `rfe query`.

use std::{
    fs::File,
    io::{BufWriter, Read as _, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use futures::TryStreamExt as _;
use rfe_client::Rows;

use crate::{
    error::CliError,
    out::note,
    rows::{self, Format, TableLimits},
    session::Session,
};

const CELL_ON_TERMINAL: usize = 80;

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct Query {
    /// The statement; `-` reads stdin
    sql: String,
    /// How rows are written [default: table; json with --json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to a file in place of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Rows that a table shows
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_rows: usize,
}

impl Query {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), CliError> {
        let format = self.format.unwrap_or(if session.json { Format::Json } else { Format::Table });
        if format == Format::Parquet && self.output.is_none() && session.out.terminal {
            let message = "Parquet on a terminal helps nobody; name a file with -o FILE or pipe it on";
            return Err(CliError::Usage(message.to_owned()));
        }
        let rows = session.client.query(&self.statement()?).await?;
        let on_terminal = session.out.terminal && self.output.is_none();
        let cell = if on_terminal { CELL_ON_TERMINAL } else { usize::MAX };
        let limits = TableLimits { rows: self.max_rows, cell };
        let told = match &self.output {
            None => copy(rows, format, Box::new(&mut session.out), limits).await?,
            Some(path) => to_file(rows, format, path, limits).await?,
        };
        if let Some(told) = told {
            note(&told);
        }
        Ok(())
    }

    fn statement(&self) -> Result<String, CliError> {
        if self.sql != "-" {
            return Ok(self.sql.clone());
        }
        let mut sql = String::new();
        std::io::stdin().read_to_string(&mut sql).map_err(|error| CliError::read("-", error))?;
        Ok(sql)
    }
}

async fn copy(
    mut rows: Rows,
    format: Format,
    to: Box<dyn Write + Send + '_>,
    limits: TableLimits,
) -> Result<Option<String>, CliError> {
    let mut writer = rows::writer(format, &rows.schema(), to, limits)?;
    while let Some(batch) = rows.try_next().await? {
        writer.write(&batch)?;
    }
    writer.finish()
}

// A query that fails midway must not leave half a result under the name of a whole one.
async fn to_file(
    rows: Rows,
    format: Format,
    path: &Path,
    limits: TableLimits,
) -> Result<Option<String>, CliError> {
    let is_device = path.metadata().is_ok_and(|found| !found.is_file());
    let target = if is_device { path.to_path_buf() } else { beside(path) };
    let file = File::create(&target).map_err(|error| CliError::write(&target, error))?;
    let written = copy(rows, format, Box::new(BufWriter::new(file)), limits).await;
    if is_device {
        return written;
    }
    match written {
        Ok(told) => {
            std::fs::rename(&target, path).map_err(|error| CliError::write(path, error))?;
            Ok(told)
        }
        Err(error) => {
            // What made it fail is the error to tell.
            let _left_behind = std::fs::remove_file(&target);
            Err(error)
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}
