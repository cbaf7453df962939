//! Where files are: a path, a glob, a URL, or objects of a store. Local ones only below the roots that may be read.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use http::HeaderName;
use rfe_model::{SourceSpec, letter::Stage, secret, source::Mode};

pub(crate) use crate::source_file::{SourceFile, bytes_total};
use crate::{
    FileMark, ReadContext, ReadError,
    config::{Wrong, resolved},
    error::code,
    remote::{self, Remote},
    s3::{self, S3Access},
    source_file::unreadable,
};

/// Where a source's files are, and which of them are read.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    text: String,
    headers: BTreeMap<String, String>,
    s3: Option<S3Access>,
    /// Only files that no run has read are read.
    pub(crate) once: bool,
}

/// Checks `config.location`, `config.headers` and `config.s3` without looking at anything.
pub(crate) fn check(
    location: &str,
    headers: &BTreeMap<String, String>,
    s3: Option<&S3Access>,
    wrong: &mut Wrong,
) {
    wrong.check("config.location", check_location(location));
    let is_s3 = s3::is_s3(location);
    // Of a location that begins with a reference nobody knows yet what it is.
    let is_open = location.starts_with("${");
    if !headers.is_empty() && !is_open && (is_s3 || !remote::is_url(location)) {
        wrong.add("config.headers", "are sent to http(s):// locations only; remove them");
    }
    if let Some(access) = s3 {
        if !is_open && !is_s3 {
            wrong.add("config.s3", "is of use to s3:// locations only; remove it");
        }
        access.check(wrong);
    }
    for (name, value) in headers {
        let path = format!("config.headers.{name}");
        if HeaderName::try_from(name).is_err() {
            wrong.add(&path, "is no name of a header");
        }
        wrong.check(&path, secret::check(value));
    }
}

fn check_location(location: &str) -> Result<(), String> {
    secret::check(location)?;
    if location.trim().is_empty() {
        return Err(
            "is empty: write a path, a glob such as `data/*.csv`, a URL, or `s3://bucket/key`".to_owned()
        );
    }
    if s3::is_s3(location) {
        return s3::check(location);
    }
    if remote::is_url(location) {
        return remote::check(location);
    }
    if is_glob(location) {
        glob::Pattern::new(location).map_err(|error| format!("`{location}` is no glob: {error}"))?;
    }
    Ok(())
}

impl Location {
    pub(crate) fn new(
        text: &str,
        headers: &BTreeMap<String, String>,
        s3: Option<&S3Access>,
        spec: &SourceSpec,
    ) -> Self {
        Self {
            text: text.to_owned(),
            headers: headers.clone(),
            s3: s3.cloned(),
            once: spec.mode != Mode::Replace,
        }
    }

    /// The files to read, sorted by name. Blocks its thread, which must be one of the runtime's blocking ones.
    ///
    /// # Errors
    /// Permanent if none matches, or one is outside the roots or in a bucket of the lake. In the modes that read a file once, no match of a glob is no error.
    pub(crate) fn files(&self, context: &ReadContext) -> Result<Vec<SourceFile>, ReadError> {
        let location = resolved("location", &self.text, &*context.secrets)?;
        check_location(&location).map_err(|reason| {
            ReadError::permanent(Stage::Read, code::BAD_CONFIG, format!("config.location: {reason}"))
        })?;
        let found = if s3::is_s3(&location) {
            s3::find(&location, self.s3.as_ref(), self.once, context)?
        } else if remote::is_url(&location) {
            vec![SourceFile::remote(Remote::find(&self.text, &self.headers, context)?)]
        } else {
            local(&location, self.once, context)?
        };
        if !self.once || found.is_empty() {
            return Ok(found);
        }
        if let Some(file) = found.iter().find(|file| !file.has_version()) {
            let message = format!(
                "`{}` comes with neither ETag nor Last-Modified, so nobody can tell whether it was read before; \
                 read it with `mode: replace`",
                file.name
            );
            return Err(ReadError::permanent(Stage::Read, code::NOT_A_FILE, message));
        }
        let marks = found.iter().map(SourceFile::mark).collect();
        let unread = tokio::runtime::Handle::current().block_on(context.memory.unread(marks))?;
        let unread: HashSet<FileMark> = unread.into_iter().collect();
        Ok(found.into_iter().filter(|file| unread.contains(&file.mark())).collect())
    }
}

fn local(location: &str, may_be_none: bool, context: &ReadContext) -> Result<Vec<SourceFile>, ReadError> {
    let roots: Vec<PathBuf> = context.roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
    // A file whose name looks like a glob is still a file.
    let is_literal = !is_glob(location) || Path::new(location).is_file();
    let fixed = if is_literal { PathBuf::from(location) } else { fixed_part(location) };
    if !existing(&fixed).is_some_and(|real| is_below(&real, &roots)) {
        return Err(not_allowed(location, context));
    }
    let mut found = Vec::new();
    if is_literal {
        found.extend(one(Path::new(location), location, &roots, context)?);
    } else {
        let matches = glob::glob(location).map_err(|error| {
            ReadError::permanent(Stage::Read, code::BAD_CONFIG, format!("`{location}` is no glob: {error}"))
        })?;
        for matched in matches {
            let path =
                matched.map_err(|error| unreadable(&error.path().display().to_string(), error.error()))?;
            if path.is_file() {
                found.extend(one(&path, location, &roots, context)?);
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    // A glob may be waiting for its first file, but not for its folder.
    if found.is_empty() && (is_literal || !may_be_none || !fixed.is_dir()) {
        return Err(not_found(location, &fixed));
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
    if !about.is_file() {
        let message = format!("`{}` is neither a file nor a folder", path.display());
        return Err(ReadError::permanent(Stage::Read, code::FILE_UNREADABLE, message));
    }
    Ok(Some(SourceFile::local(real, path.display().to_string(), &about)))
}

/// True if a text has wildcards.
pub(crate) fn is_glob(location: &str) -> bool {
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
