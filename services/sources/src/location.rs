//! Where files are: a path or a glob, only below the roots that may be read.

use std::{
    collections::HashSet,
    fs::{File, Metadata},
    io::Read,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use rfe_model::{SourceSpec, letter::Stage, secret, source::Mode};

use crate::{FileMark, ReadContext, ReadError, error::code};

/// Where a source's files are, and which of them are read.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    text: String,
    /// Only files that no run has read are read.
    pub(crate) once: bool,
}

impl Location {
    pub(crate) fn new(text: &str, spec: &SourceSpec) -> Self {
        Self { text: text.to_owned(), once: spec.mode != Mode::Replace }
    }

    /// The files to read, sorted by name. Blocks its thread, which must be one of the runtime's blocking ones.
    ///
    /// # Errors
    /// Permanent if none matches or one is outside the roots. In the modes that read a file once, no match of a glob is no error.
    pub(crate) fn files(&self, context: &ReadContext) -> Result<Vec<SourceFile>, ReadError> {
        let found = files(&self.text, self.once, context)?;
        if !self.once || found.is_empty() {
            return Ok(found);
        }
        let marks = found.iter().map(SourceFile::mark).collect();
        let unread = tokio::runtime::Handle::current().block_on(context.memory.unread(marks))?;
        let unread: HashSet<FileMark> = unread.into_iter().collect();
        Ok(found.into_iter().filter(|file| unread.contains(&file.mark())).collect())
    }
}

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Where it really is, symlinks resolved.
    pub(crate) path: PathBuf,
    /// As `_file` and messages show it.
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: u64,
    version: String,
}

impl SourceFile {
    /// What tells it from the file that it was before, and will be.
    pub(crate) fn mark(&self) -> FileMark {
        FileMark { path: self.name.clone(), bytes: self.bytes, version: self.version.clone() }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(crate) fn open(&self) -> Result<Box<dyn Read + Send>, ReadError> {
        Ok(Box::new(File::open(&self.path).map_err(|error| unreadable(&self.name, &error))?))
    }

    /// Checks that it is still what it was when it was found.
    ///
    /// # Errors
    /// Transient if it changed: what was read may be half of the one and half of the other.
    pub(crate) fn check_unchanged(&self) -> Result<(), ReadError> {
        let about = std::fs::metadata(&self.path).map_err(|error| unreadable(&self.name, &error))?;
        if about.len() == self.bytes && version(&about) == self.version {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    /// The error of a file that is not what it was.
    pub(crate) fn changed(&self) -> ReadError {
        let message = format!(
            "`{}` changed while it was read; replace files by renaming, or read them when they are whole",
            self.name
        );
        ReadError::transient(code::FILE_CHANGED, message)
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

/// Checks a location without looking at the disk.
///
/// # Errors
/// With the reason for a person.
pub(crate) fn check(location: &str) -> Result<(), String> {
    secret::check(location)?;
    if location.trim().is_empty() {
        return Err("is empty: write a path or a glob, such as `data/*.csv`".to_owned());
    }
    if let Some((scheme, _)) = location.split_once("://") {
        return Err(format!(
            "`{scheme}://` locations come with a later version; write a local path or a glob"
        ));
    }
    if is_glob(location) {
        glob::Pattern::new(location).map_err(|error| format!("`{location}` is no glob: {error}"))?;
    }
    Ok(())
}

fn files(location: &str, may_be_none: bool, context: &ReadContext) -> Result<Vec<SourceFile>, ReadError> {
    let location = secret::resolve(location, &*context.secrets).map_err(|reason| {
        ReadError::permanent(Stage::Read, code::SECRET_NOT_FOUND, format!("config.location: {reason}"))
    })?;
    check(&location).map_err(|reason| {
        ReadError::permanent(Stage::Read, code::BAD_CONFIG, format!("config.location: {reason}"))
    })?;
    let roots: Vec<PathBuf> = context.roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
    // A file whose name looks like a glob is still a file.
    let is_literal = !is_glob(&location) || Path::new(&location).is_file();
    let fixed = if is_literal { PathBuf::from(&location) } else { fixed_part(&location) };
    if !existing(&fixed).is_some_and(|real| is_below(&real, &roots)) {
        return Err(not_allowed(&location, context));
    }
    let mut found = Vec::new();
    if is_literal {
        found.extend(one(Path::new(&location), &location, &roots, context)?);
    } else {
        let matches = glob::glob(&location).map_err(|error| {
            ReadError::permanent(Stage::Read, code::BAD_CONFIG, format!("`{location}` is no glob: {error}"))
        })?;
        for matched in matches {
            let path =
                matched.map_err(|error| unreadable(&error.path().display().to_string(), error.error()))?;
            if path.is_file() {
                found.extend(one(&path, &location, &roots, context)?);
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if found.is_empty() && (is_literal || !may_be_none) {
        return Err(not_found(&location, &fixed));
    }
    Ok(found)
}

fn one(
    path: &Path,
    location: &str,
    roots: &[PathBuf],
    context: &ReadContext,
) -> Result<Option<SourceFile>, ReadError> {
    let Ok(real) = path.canonicalize() else { return Ok(None) };
    if !is_below(&real, roots) {
        return Err(not_allowed(&path.display().to_string(), context));
    }
    let about = std::fs::metadata(&real).map_err(|error| unreadable(&path.display().to_string(), &error))?;
    if about.is_dir() {
        let message = format!(
            "`{location}` is a folder; write a glob, such as `{}/*.csv`",
            location.trim_end_matches('/')
        );
        return Err(ReadError::permanent(Stage::Read, code::FILE_NOT_FOUND, message));
    }
    let (name, bytes, version) = (path.display().to_string(), about.len(), version(&about));
    Ok(Some(SourceFile { path: real, name, bytes, version }))
}

fn is_glob(location: &str) -> bool {
    location.contains(['*', '?', '['])
}

// The folders before the first part with a wildcard.
fn fixed_part(location: &str) -> PathBuf {
    let fixed: PathBuf = Path::new(location)
        .components()
        .take_while(|part| !is_glob(&part.as_os_str().to_string_lossy()))
        .collect();
    if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed }
}

// The deepest ancestor that exists, resolved: what a path that is not there must be judged by.
fn existing(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find_map(|ancestor| ancestor.canonicalize().ok())
}

fn is_below(real: &Path, roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| real.starts_with(root))
}

fn not_allowed(what: &str, context: &ReadContext) -> ReadError {
    let roots: Vec<String> = context.roots.iter().map(|root| format!("`{}`", root.display())).collect();
    let message = format!(
        "`{what}` is outside the folders that may be read ({}); move the file there or add its folder to RFE_SOURCE_ROOTS",
        if roots.is_empty() { "none".to_owned() } else { roots.join(", ") }
    );
    ReadError::permanent(Stage::Read, code::PATH_NOT_ALLOWED, message)
}

fn not_found(location: &str, fixed: &Path) -> ReadError {
    let folder = if is_glob(location) { fixed } else { fixed.parent().unwrap_or(fixed) };
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let state = if folder.is_dir() { "" } else { ", which does not exist" };
    let message = format!("no file matches `{location}` in the folder `{}`{state}", folder.display());
    ReadError::permanent(Stage::Read, code::FILE_NOT_FOUND, message)
}

/// An error of the operating system about a file.
pub(crate) fn unreadable(name: &str, error: &std::io::Error) -> ReadError {
    use std::io::ErrorKind;
    let message = format!("`{name}` can't be read: {error}");
    match error.kind() {
        ErrorKind::NotFound => ReadError::permanent(Stage::Read, code::FILE_NOT_FOUND, message),
        ErrorKind::PermissionDenied => ReadError::permanent(Stage::Read, code::FILE_UNREADABLE, message),
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => ReadError::permanent(
            Stage::Read,
            code::DAMAGED_FILE,
            format!("`{name}` is damaged or ends early: {error}"),
        ),
        _ => ReadError::transient(code::FILE_UNREADABLE, message),
    }
}
