//! The tokens that a process accepts, read from a file and read again when it changes.

pub mod file;
pub mod listener;
mod pass;
mod presented;
pub mod rules;
pub mod secret;
mod watched;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::HeaderMap;
use jiff::Timestamp;
use rfe_model::{ErrorCode, Fault, fault::reason};
use subtle::ConstantTimeEq as _;

use self::{file::Entry, secret::Secret, watched::Watched};
pub use self::{pass::Pass, presented::presented};
use crate::caller::Caller;

/// The file of tokens can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It can't be read, written or locked.
    #[error("can't {verb} the tokens file {}: {source}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what this version writes.
    #[error("the tokens file {}: {reason}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl TokensError {
    fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { verb, path: path.to_owned(), source }
    }
}

/// The tokens of a file. Clones share what was read. A change of the file is seen within a second; while the file is broken or
/// missing, what was read last holds.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Watched>);

/// Tokens by id.
#[derive(Debug, Default)]
struct Known(HashMap<String, Kept>);

#[derive(Debug)]
struct Kept {
    hash: [u8; 32],
    caller: Caller,
    expires: Option<Timestamp>,
}

// === impl Tokens ===

impl Tokens {
    /// Reads the file.
    ///
    /// # Errors
    /// If it is missing, can't be read, or has mistakes.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, TokensError> {
        Ok(Self(Arc::new(Watched::open(path.into())?)))
    }

    /// Who presents the token in these headers, as `authorization: Bearer <token>`, or as the password of `Basic`.
    ///
    /// # Errors
    /// UNAUTHENTICATED if there is none, or it is unknown, revoked or expired.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, Fault> {
        self.pass(headers).map(|(caller, _)| caller)
    }

    /// As [`Tokens::caller`], with what tells a call that lasts when its token is no longer valid.
    ///
    /// # Errors
    /// As there.
    pub fn pass(&self, headers: &HeaderMap) -> Result<(Caller, Pass), Fault> {
        let Some(text) = presented(headers)? else {
            return Err(refused(
                reason::TOKEN_INVALID,
                "the call has no token; send `authorization: Bearer <token>`, which clients do when RFE_TOKEN is set",
            ));
        };
        self.check(&text, Timestamp::now())
    }

    fn check(&self, text: &str, now: Timestamp) -> Result<(Caller, Pass), Fault> {
        let Some(secret) = Secret::read(text) else {
            return Err(refused(reason::TOKEN_INVALID, "the token is none of rfe, or is cut or mistyped"));
        };
        let caller = self.0.known().check(&secret, now)?;
        Ok((caller, Pass::new(self.clone(), secret)))
    }
}

// === impl Known ===

impl Known {
    fn read(path: &Path) -> Result<Self, TokensError> {
        Ok(Self(file::read(path)?.into_iter().filter_map(Kept::of).collect()))
    }

    fn check(&self, secret: &Secret, now: Timestamp) -> Result<Caller, Fault> {
        let kept = self.0.get(secret.id());
        // An id that is not there is compared too, so that both answers take the same time.
        let hash = kept.map_or([0; 32], |kept| kept.hash);
        let is_equal = bool::from(hash.ct_eq(&secret.hash()));
        match kept {
            Some(kept) if is_equal => kept.admit(secret.id(), now),
            _ => Err(refused(reason::TOKEN_INVALID, "the token is unknown or was revoked")),
        }
    }
}

// === impl Kept ===

impl Kept {
    fn of(entry: Entry) -> Option<(String, Self)> {
        let hash = entry.hash_bytes()?;
        Some((entry.id, Self { hash, caller: Caller::granted(entry.scopes), expires: entry.expires }))
    }

    fn admit(&self, id: &str, now: Timestamp) -> Result<Caller, Fault> {
        match self.expires {
            Some(expires) if now >= expires => {
                Err(refused(reason::TOKEN_EXPIRED, &format!("the token `{id}` expired at {expires}")))
            }
            _ => Ok(self.caller.clone()),
        }
    }
}

fn refused(reason: &str, message: &str) -> Fault {
    Fault::new(ErrorCode::Unauthenticated, reason, message)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::scope::Scope;

    fn issue(path: &Path, scope: &str, expires: Option<Timestamp>) -> Secret {
        let secret = Secret::random().expect("random numbers");
        let entry = Entry::new(&secret, "a".to_owned(), vec![scope.parse().expect("a scope")], expires);
        file::edit(path, |tokens| {
            tokens.push(entry);
            Ok::<_, TokensError>(())
        })
        .expect("written");
        secret
    }

    fn reason_of(tokens: &Tokens, text: &str) -> Option<String> {
        let fault = tokens.check(text, Timestamp::now()).err()?;
        assert_eq!(fault.code, ErrorCode::Unauthenticated);
        assert!(!fault.message.contains(text) || text.is_empty(), "{fault}");
        Some(fault.reason)
    }

    #[test]
    fn a_token_is_its_callers_scopes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let secret = issue(&path, "ingest:a", None);
        let tokens = Tokens::load(&path).expect("read");
        let (caller, _) = tokens.check(secret.reveal(), Timestamp::now()).expect("known");
        assert!(caller.can(Scope::Ingest, Some("a")) && !caller.can(Scope::Read, Some("a")));
    }

    #[test]
    fn an_unknown_a_forged_and_an_expired_token_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let secret = issue(&path, "admin", None);
        let expired = issue(&path, "admin", Some(Timestamp::now()));
        let tokens = Tokens::load(&path).expect("read");
        let other = Secret::random().expect("random numbers");
        assert_eq!(reason_of(&tokens, other.reveal()).as_deref(), Some(reason::TOKEN_INVALID));
        // The secret of another token behind a known id: only the checksum is made to fit.
        let forged = secret::forged(&secret, &other);
        assert_eq!(forged.id(), secret.id());
        assert_eq!(reason_of(&tokens, forged.reveal()).as_deref(), Some(reason::TOKEN_INVALID));
        assert_eq!(reason_of(&tokens, expired.reveal()).as_deref(), Some(reason::TOKEN_EXPIRED));
        assert_eq!(reason_of(&tokens, ""), Some(reason::TOKEN_INVALID.to_owned()));
        assert_eq!(reason_of(&tokens, secret.reveal()), None);
    }

    #[test]
    fn a_file_that_is_missing_or_broken_at_first_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        assert!(matches!(Tokens::load(&path), Err(TokensError::File { .. })));
        fs::write(&path, "what?").expect("written");
        assert!(matches!(Tokens::load(&path), Err(TokensError::Content { .. })));
    }

    #[test]
    fn a_change_of_the_file_counts_and_a_broken_file_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens.toml");
        let first = issue(&path, "read", None);
        let tokens = Tokens::load(&path).expect("read");
        let second = issue(&path, "read", None);
        tokens.0.look();
        assert_eq!(reason_of(&tokens, second.reveal()), None);
        let good = fs::read(&path).expect("bytes");
        fs::write(&path, "broken").expect("written");
        tokens.0.look();
        assert_eq!(reason_of(&tokens, second.reveal()), None, "what was read last holds");
        fs::remove_file(&path).expect("removed");
        tokens.0.look();
        assert_eq!(reason_of(&tokens, first.reveal()), None, "and without a file too");
        fs::write(&path, good).expect("written");
        file::edit(&path, |tokens| {
            tokens.retain(|entry| entry.id != first.id());
            Ok::<_, TokensError>(())
        })
        .expect("revoked");
        tokens.0.look();
        assert_eq!(reason_of(&tokens, first.reveal()).as_deref(), Some(reason::TOKEN_INVALID));
        assert_eq!(reason_of(&tokens, second.reveal()), None);
    }
}
