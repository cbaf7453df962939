//! The file of tokens: TOML that people can read, with hashes only.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{TokensError, secret::Secret};
use crate::scope::Grant;

const HASH_PREFIX: &str = "sha256:";
const HEAD: &str = "# Tokens that this rfe accepts: `rfe token create`, `rfe token ls` and `rfe token revoke` keep this file.\n\
                    # Of a token only its hash is here. Servers notice a change within two seconds.\n\n";

/// One token of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its public part.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// `sha256:` and the hash of its text, hexadecimal.
    pub hash: String,
    /// What it may do.
    pub scopes: Vec<Grant>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "token")]
    tokens: Vec<Entry>,
}

// === impl Entry ===

impl Entry {
    /// The entry of a token.
    pub fn new(secret: &Secret, name: String, scopes: Vec<Grant>, expires: Option<Timestamp>) -> Self {
        // Whole seconds read better, and nobody needs more.
        let second = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
        Self {
            id: secret.id().to_owned(),
            name,
            hash: format!("{HASH_PREFIX}{}", hex::encode(secret.hash())),
            scopes,
            created: second(Timestamp::now()),
            expires: expires.map(second),
        }
    }

    /// The hash as bytes; `None` if the entry has none.
    pub fn hash_bytes(&self) -> Option<[u8; 32]> {
        hex::decode(self.hash.strip_prefix(HASH_PREFIX)?).ok()?.try_into().ok()
    }
}

/// Reads the tokens of a file.
///
/// # Errors
/// If it can't be read, or is not what this version writes.
pub fn read(path: &Path) -> Result<Vec<Entry>, TokensError> {
    let text = fs::read_to_string(path).map_err(|source| TokensError::io("read", path, source))?;
    parse(path, &text)
}

/// Changes the tokens of a file, one process at a time: the file is new or old as a whole, never half. Nothing is written if `change`
/// fails.
///
/// # Errors
/// If it can't be read or written, or `change` fails.
pub fn edit<T, E: From<TokensError>>(
    path: &Path,
    change: impl FnOnce(&mut Vec<Entry>) -> Result<T, E>,
) -> Result<T, E> {
    let _lock = lock(path)?;
    let mut tokens = match read(path) {
        Ok(tokens) => tokens,
        Err(TokensError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let changed = change(&mut tokens)?;
    write(path, tokens)?;
    Ok(changed)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Entry>, TokensError> {
    let wrong = |reason: String| TokensError::Content { path: path.to_owned(), reason };
    // The parser's own words quote the line, which may hold what somebody pasted by mistake.
    let tokens = toml::from_str::<Document>(text).map_err(|error| wrong(told(&error, text)))?.tokens;
    for (at, entry) in tokens.iter().enumerate() {
        if entry.hash_bytes().is_none() {
            return Err(wrong(format!(
                "token `{}`: `hash` is not `sha256:` and 64 hexadecimal digits",
                entry.id
            )));
        }
        if tokens[..at].iter().any(|other| other.id == entry.id) {
            return Err(wrong(format!("token `{}` is there twice", entry.id)));
        }
    }
    Ok(tokens)
}

fn told(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

fn write(path: &Path, tokens: Vec<Entry>) -> Result<(), TokensError> {
    let failed = |source| TokensError::io("write", path, source);
    let text = toml::to_string(&Document { tokens }).map_err(|error| failed(io::Error::other(error)))?;
    let next = beside(path, ".new");
    // One that a process left behind as it died may have another mode.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let written =
        File::options().write(true).create_new(true).mode(0o600).open(&next).and_then(|mut file| {
            file.write_all(HEAD.as_bytes())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.and_then(|()| fs::rename(&next, path)).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

// A lock on the file itself would not hold: it is replaced.
fn lock(path: &Path) -> Result<File, TokensError> {
    let failed = |source| TokensError::io("lock", path, source);
    let options = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
    let file = options.open(beside(path, ".lock")).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn added(path: &Path, name: &str) -> Secret {
        let secret = Secret::random().expect("random numbers");
        let entry = Entry::new(&secret, name.to_owned(), vec!["read:a".parse().expect("a scope")], None);
        edit(path, |tokens| {
            tokens.push(entry);
            Ok::<_, TokensError>(())
        })
        .expect("written");
        secret
    }

    #[test]
    fn the_file_keeps_hashes_and_no_secret_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let secret = added(&path, "one");
        let text = fs::read_to_string(&path).expect("text");
        assert!(!text.contains(&secret.reveal()[17..]), "{text}");
        assert!(text.contains(&hex::encode(secret.hash())), "{text}");
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read(&path).expect("read")[0].hash_bytes(), Some(secret.hash()));
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || added(path, &format!("writer {writer}")));
            }
        });
        assert_eq!(read(&path).expect("read").len(), 8);
    }

    #[test]
    fn a_change_that_fails_writes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let _one = added(&path, "one");
        let before = fs::read(&path).expect("bytes");
        let failed: Result<(), TokensError> = edit(&path, |tokens| {
            tokens.clear();
            Err(TokensError::Content { path: path.clone(), reason: "no".to_owned() })
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("bytes"), before);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_without_its_text() {
        let entry =
            "[[token]]\nid='a'\nname='n'\nhash='sha256:00'\nscopes=[]\ncreated='2026-01-01T00:00:00Z'\n";
        for (text, told) in [
            ("[[token]]\nid = 'a'\nsecret = 'hunter2'\n", "line"),
            ("hunter2 hunter2", "line 1"),
            (entry, "token `a`: `hash`"),
            (
                "[[token]]\nid='a'\nname='n'\nhash=''\nscopes=['write']\ncreated='2026-01-01T00:00:00Z'\n",
                "no scope",
            ),
        ] {
            let error = parse(Path::new("t.toml"), text).expect_err(text).to_string();
            assert!(error.contains("t.toml") && error.contains(told), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
