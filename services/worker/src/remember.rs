//! What a run's chunks say for the runs after it: files that ended, and the cursor.

use rfe_model::source::Mode;
use rfe_proto::metadata::FileMark as Mark;
use rfe_sources::{Chunk, FileMark};

use crate::{attempt::Attempt, memory};

/// A source that is replaced by each run remembers its files for the day on which its mode changes; that must not make a commit
/// too large.
const REPLACED_FILES: usize = 50_000;

/// What a run's chunks said.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    files: Vec<FileMark>,
    cursor: Option<String>,
}

impl Remembered {
    /// Takes it from a chunk.
    pub fn take(&mut self, chunk: &mut Chunk) {
        self.files.append(&mut chunk.files);
        if let Some(cursor) = chunk.cursor.take() {
            self.cursor = Some(cursor);
        }
    }

    /// Cursor and files as the attempt's commit says them.
    pub fn for_commit(&self, attempt: &Attempt) -> (Option<String>, Vec<Mark>) {
        if !attempt.reads_source() {
            return (None, Vec::new());
        }
        let replaces = attempt.spec.mode == Mode::Replace;
        let cursor = self.cursor.clone().filter(|_| !replaces);
        let too_many = replaces && self.files.len() > REPLACED_FILES;
        let files: &[FileMark] = if too_many { &[] } else { &self.files };
        (cursor, files.iter().map(memory::to_proto).collect())
    }
}
