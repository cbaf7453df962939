//! Stdout for results, stderr for all else.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use prost::{Message, Name};
use serde_json::Value as Json;

use crate::{error::CliError, table::Table};

/// Where results go.
pub(crate) struct Out {
    writer: BufWriter<Box<dyn Write + Send>>,
    /// True if a person looks at it.
    pub(crate) terminal: bool,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

impl Out {
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self { writer: BufWriter::with_capacity(64 << 10, Box::new(stdout)), terminal }
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.writer, "{text}").map_err(CliError::Output)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.writer.write_all(bytes).map_err(CliError::Output)
    }

    pub(crate) fn json(&mut self, value: &Json) -> Result<(), CliError> {
        self.line(&value.to_string())
    }

    pub(crate) fn message<M: Message + Name>(&mut self, message: &M) -> Result<(), CliError> {
        self.json(&rfe_proto::json::to_value(message))
    }

    pub(crate) fn messages<M: Message + Name>(&mut self, messages: &[M]) -> Result<(), CliError> {
        messages.iter().try_for_each(|message| self.message(message))
    }

    /// A table; where it has no rows, `empty` says so on stderr.
    pub(crate) fn table(&mut self, table: &Table, empty: &str) -> Result<(), CliError> {
        if table.is_empty() {
            note(empty);
            return Ok(());
        }
        self.line(&table.render())
    }

    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        self.writer.flush().map_err(CliError::Output)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A line for a person, on stderr.
pub(crate) fn note(text: &str) {
    // Where stderr is gone there is nobody left to tell.
    let _nobody_reads = writeln!(io::stderr(), "{text}");
}
