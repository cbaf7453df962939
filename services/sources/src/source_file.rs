//! One file to read: on the disk, behind a URL, or an object of a store.

use std::{
    fs::{File, Metadata},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use rfe_model::letter::Stage;

use crate::{
    FileMark, ReadError,
    byte_ranges::ByteRanges,
    error::code,
    remote::{Download, Remote},
    s3::Object,
};

/// One file to read.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// As `_file` and messages show it.
    pub(crate) name: String,
    /// Its size; 0 if it is not known.
    pub(crate) bytes: u64,
    mark: FileMark,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// Where it really is, symlinks resolved.
    Local(PathBuf),
    Remote(Box<Remote>),
    Downloaded(Arc<Download>),
    Object(Object),
}

impl SourceFile {
    /// A file on the disk.
    pub(crate) fn local(real: PathBuf, name: String, about: &Metadata) -> Self {
        Self::new(name, about.len(), version(about), Place::Local(real))
    }

    /// A file behind a URL.
    pub(crate) fn remote(remote: Remote) -> Self {
        let (name, bytes, version) = (remote.label().to_owned(), remote.bytes, remote.version.clone());
        Self::new(name, bytes, version, Place::Remote(Box::new(remote)))
    }

    /// An object of a store.
    pub(crate) fn object(object: Object) -> Self {
        let (name, bytes, version) = (object.label().to_owned(), object.bytes(), object.version().to_owned());
        Self::new(name, bytes, version, Place::Object(object))
    }

    fn new(name: String, bytes: u64, version: String, place: Place) -> Self {
        let mark = FileMark { path: name.clone(), bytes, version };
        Self { name, bytes, mark, place }
    }

    /// What tells it from the file that it was before, and will be.
    pub(crate) fn mark(&self) -> FileMark {
        self.mark.clone()
    }

    /// True if its mark changes when it does.
    pub(crate) fn has_version(&self) -> bool {
        !self.mark.version.is_empty()
    }

    /// Its bytes. Blocks its thread, as reading them does.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(crate) fn open(&self) -> Result<Box<dyn Read + Send>, ReadError> {
        let path = match &self.place {
            Place::Remote(remote) => return Ok(Box::new(remote.open()?)),
            Place::Object(object) => return Ok(Box::new(object.open())),
            Place::Local(path) => path,
            Place::Downloaded(download) => download.path(),
        };
        Ok(Box::new(self.opened(path)?))
    }

    /// The same file where a reader can go back and forth. One behind a URL is downloaded to `scratch`.
    ///
    /// # Errors
    /// If it can't be stored.
    pub(crate) fn with_ranges(mut self, scratch: &Path) -> Result<Self, ReadError> {
        if let Place::Remote(remote) = &self.place {
            let download = remote.download(scratch)?;
            self.bytes = std::fs::metadata(download.path()).map_or(self.bytes, |about| about.len());
            self.place = Place::Downloaded(Arc::new(download));
        }
        Ok(self)
    }

    /// Its bytes by their place.
    ///
    /// # Errors
    /// If it can't be opened, or is behind a URL still.
    pub(crate) fn ranges(&self) -> Result<ByteRanges, ReadError> {
        let path = match &self.place {
            Place::Local(path) => path,
            Place::Downloaded(download) => download.path(),
            Place::Object(object) => return Ok(ByteRanges::of_object(object.clone())),
            Place::Remote(_) => {
                let message = format!("`{}` was not downloaded before it was opened", self.name);
                return Err(ReadError::permanent(Stage::Read, code::READER_BROKE, message));
            }
        };
        ByteRanges::of_file(self.opened(path)?).map_err(|error| unreadable(&self.name, &error))
    }

    fn opened(&self, path: &Path) -> Result<File, ReadError> {
        File::open(path).map_err(|error| unreadable(&self.name, &error))
    }

    /// Checks that it is still what it was when it was found.
    ///
    /// # Errors
    /// Transient if it changed: what was read may be half of the one and half of the other.
    pub(crate) fn check_unchanged(&self) -> Result<(), ReadError> {
        // What comes from a server comes in one piece, or in several of one version.
        let Place::Local(path) = &self.place else { return Ok(()) };
        let about = std::fs::metadata(path).map_err(|error| unreadable(&self.name, &error))?;
        let is_same = about.len() == self.mark.bytes && version(&about) == self.mark.version;
        if is_same { Ok(()) } else { Err(self.changed()) }
    }

    /// The error of a file that is not what it was.
    pub(crate) fn changed(&self) -> ReadError {
        let message = format!(
            "`{}` changed while it was read; replace files by renaming, or place them when they are whole",
            self.name
        );
        ReadError::transient(code::FILE_CHANGED, message)
    }

    /// The error of a file whose bytes are wrong. One that changed meanwhile is whole the next time, perhaps.
    pub(crate) fn damaged(&self, reason: &str) -> ReadError {
        match self.check_unchanged() {
            Err(changed) => changed,
            Ok(()) => {
                let message = format!("`{}` is damaged or ends early: {reason}", self.name);
                ReadError::permanent(Stage::Read, code::DAMAGED_FILE, message)
            }
        }
    }
}

/// The size of all files; 0 if it is not known of one.
pub(crate) fn bytes_total(files: &[SourceFile]) -> u64 {
    files.iter().map(|file| file.bytes).sum()
}

// Nanoseconds since the Unix epoch.
fn version(about: &Metadata) -> String {
    let since = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.unwrap_or_default().as_nanos().to_string()
}

/// An error of the operating system about a file, or the one of a server that came as such.
pub(crate) fn unreadable(name: &str, error: &std::io::Error) -> ReadError {
    use std::io::ErrorKind;
    if let Some(read) = error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>()) {
        return read.clone();
    }
    let message = format!("`{name}` can't be read: {error}");
    match error.kind() {
        ErrorKind::NotFound => ReadError::permanent(Stage::Read, code::FILE_NOT_FOUND, message),
        ErrorKind::PermissionDenied => ReadError::permanent(Stage::Read, code::FILE_UNREADABLE, message),
        _ => ReadError::transient(code::FILE_UNREADABLE, message),
    }
}
