//! What a token may do, and to which source.

use std::{fmt, str::FromStr};

use rfe_model::name::check_source;
use serde::{Deserialize, Serialize};

/// A class of calls. `admin` holds the two others; `ingest` and `read` do not hold each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Bring jobs and events in.
    Ingest,
    /// Look at anything, SQL included.
    Read,
    /// Declare, change, pause, cancel, replay, drop.
    Admin,
}

impl Scope {
    /// True if this scope holds another.
    pub fn holds(self, other: Self) -> bool {
        self == other || self == Self::Admin
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        })
    }
}

/// A scope for every source, or for one. Written `read` or `read:zendesk`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grant {
    /// What may be done.
    pub scope: Scope,
    /// To which source; `None` is to each of them, and to what belongs to none.
    pub source: Option<String>,
}

impl Grant {
    /// A scope for one source, or for all.
    pub fn new(scope: Scope, source: Option<&str>) -> Self {
        Self { scope, source: source.map(str::to_owned) }
    }

    /// True if who has this may do another.
    pub fn holds(&self, scope: Scope, source: Option<&str>) -> bool {
        self.scope.holds(scope) && (self.source.is_none() || self.source.as_deref() == source)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            None => self.scope.fmt(f),
            Some(source) => write!(f, "{}:{source}", self.scope),
        }
    }
}

/// A text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no scope: {reason}")]
pub struct NoScope {
    text: String,
    reason: String,
}

impl FromStr for Grant {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        let wrong = |reason: String| NoScope { text: text.to_owned(), reason };
        let (scope, source) = match text.split_once(':') {
            None => (text, None),
            Some((scope, source)) => (scope, Some(source)),
        };
        let scope = match scope {
            "ingest" => Scope::Ingest,
            "read" => Scope::Read,
            "admin" => Scope::Admin,
            _ => {
                let reason = "write ingest, read or admin, with `:source` behind it for one source alone";
                return Err(wrong(reason.to_owned()));
            }
        };
        source.map_or(Ok(()), check_source).map_err(wrong)?;
        Ok(Self::new(scope, source))
    }
}

impl TryFrom<String> for Grant {
    type Error = NoScope;

    fn try_from(text: String) -> Result<Self, NoScope> {
        text.parse()
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> Grant {
        text.parse().expect(text)
    }

    #[test]
    fn scopes_read_as_they_are_written() {
        for text in ["ingest", "read", "admin", "ingest:zendesk", "admin:a_1"] {
            assert_eq!(grant(text).to_string(), text);
        }
        for wrong in
            ["", "write", "Read", "read:", "read:A", "read:a:b", "read:*", ":a", " read", "ingest:replay"]
        {
            assert!(wrong.parse::<Grant>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn admin_holds_all_and_ingest_does_not_hold_read() {
        let cases = [
            ("admin", Scope::Read, None, true),
            ("admin", Scope::Ingest, Some("a"), true),
            ("read", Scope::Read, Some("a"), true),
            ("read", Scope::Ingest, Some("a"), false),
            ("ingest", Scope::Read, Some("a"), false),
            ("ingest", Scope::Admin, None, false),
            ("read:a", Scope::Read, Some("a"), true),
            ("read:a", Scope::Read, Some("b"), false),
            ("read:a", Scope::Read, None, false),
            ("admin:a", Scope::Read, Some("a"), true),
            ("admin:a", Scope::Admin, Some("b"), false),
            ("admin:a", Scope::Admin, None, false),
        ];
        for (text, scope, source, holds) in cases {
            assert_eq!(grant(text).holds(scope, source), holds, "{text} {scope} {source:?}");
        }
    }
}
