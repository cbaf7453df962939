//! Where files are: a path or a glob, only below the roots that may be read.

use std::path::{Path, PathBuf};

use rfe_model::{letter::Stage, secret};

use crate::{ReadContext, ReadError, error::code};

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Where it really is, symlinks resolved.
    pub(crate) path: PathBuf,
    /// As `_file` and messages show it.
    pub(crate) name: String,
    /// Its size.
    pub(crate) bytes: u64,
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

/// The files of a location, sorted by name.
///
/// # Errors
/// Permanent if none matches or one is outside the roots.
pub(crate) fn files(location: &str, context: &ReadContext) -> Result<Vec<SourceFile>, ReadError> {
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
    if found.is_empty() { Err(not_found(&location, &fixed)) } else { Ok(found) }
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
    Ok(Some(SourceFile { path: real, name: path.display().to_string(), bytes: about.len() }))
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
