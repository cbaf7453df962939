//! Which sources are paused, as the queue said last: one that lost it is told again.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rfe_queue::{QueueControl, QueueError, SourceStats};
use tokio::task::spawn_blocking;

use super::Spool;

const NAME: &str = "paused";
const NEW_NAME: &str = "paused.new";

/// The paused sources, in memory and in a file of one name a line.
#[derive(Debug)]
pub(super) struct Pauses {
    folder: PathBuf,
    sources: Mutex<BTreeSet<String>>,
}

// === impl Pauses ===

impl Pauses {
    /// Reads the file; none are paused if it is missing.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(folder.join(NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let sources = Mutex::new(text.lines().map(str::to_owned).collect());
        Ok(Self { folder: folder.to_owned(), sources })
    }

    fn all(&self) -> BTreeSet<String> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    // What there is to write, if that is another than before.
    fn change(&self, change: impl FnOnce(&mut BTreeSet<String>)) -> Option<String> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sources.clone();
        change(&mut sources);
        (*sources != before).then(|| sources.iter().map(|name| format!("{name}\n")).collect())
    }
}

impl Spool {
    /// A source was paused or resumed.
    pub(crate) async fn note_paused(&self, source: &str, paused: bool) {
        let change = |sources: &mut BTreeSet<String>| match paused {
            true => drop(sources.insert(source.to_owned())),
            false => drop(sources.remove(source)),
        };
        self.write_pauses(self.shared.pauses.change(change)).await;
    }

    /// The queue, known to have lost nothing, says which are paused.
    pub(super) async fn note_stats(&self, stats: &[SourceStats]) {
        let paused = stats.iter().filter(|of| of.paused).map(|of| of.source.clone()).collect();
        self.write_pauses(self.shared.pauses.change(|sources| *sources = paused)).await;
    }

    /// Pauses in the queue what was paused.
    pub(super) async fn restore_pauses(&self, control: &dyn QueueControl) -> Result<(), QueueError> {
        for source in self.shared.pauses.all() {
            control.pause(&source).await?;
        }
        Ok(())
    }

    async fn write_pauses(&self, text: Option<String>) {
        let Some(text) = text else { return };
        let folder = self.shared.pauses.folder.clone();
        let written = spawn_blocking(move || write(&folder, NAME, NEW_NAME, &text)).await;
        if let Err(error) = written.map_err(io::Error::other).flatten() {
            tracing::warn!(%error, "the paused sources could not be noted; a queue that loses them goes on with them");
        }
    }
}

/// Replaces a file of the folder in one step.
pub(super) fn write(folder: &Path, name: &str, new_name: &str, text: &str) -> io::Result<()> {
    let new = folder.join(new_name);
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, folder.join(name))
}
