//! Who calls, and what they may do. The layer at the door puts a caller into a request; roles ask it about sources.

use std::{collections::BTreeSet, sync::Arc};

use rfe_model::{ErrorCode, Fault, fault::reason};

use crate::{
    scope::{Grant, Scope},
    status_from_fault,
};

/// Who calls. Without tokens, and from within the process, anybody may do everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller(Option<Arc<[Grant]>>);

/// Which sources a caller reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Each, and what belongs to none.
    All,
    /// These, which may be none.
    Only(BTreeSet<String>),
}

impl Reach {
    /// True if the caller reaches this source.
    pub fn has(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(sources) => sources.contains(source),
        }
    }

    /// The one source, if it is exactly one.
    fn only_one(&self) -> Option<&str> {
        match self {
            Self::Only(sources) if sources.len() == 1 => sources.first().map(String::as_str),
            _ => None,
        }
    }
}

/// Who made a request.
pub fn of<T>(request: &tonic::Request<T>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_default()
}

/// Refuses a request whose caller may not do it to the source that the request names. One that names none, such as a list without a
/// filter, is about all.
///
/// # Errors
/// PERMISSION_DENIED, which names the scope that is missing.
pub fn check<T>(request: &tonic::Request<T>, scope: Scope, source: &str) -> Result<(), tonic::Status> {
    let source = Some(source).filter(|source| !source.is_empty());
    of(request).may(scope, source).map_err(status_from_fault)
}

// === impl Caller ===

impl Caller {
    /// One who may do everything.
    pub fn within() -> Self {
        Self(None)
    }

    /// One who may do what is granted and nothing else.
    pub fn granted(grants: impl IntoIterator<Item = Grant>) -> Self {
        Self(Some(grants.into_iter().collect()))
    }

    /// True if the caller may do it; `None` is to all sources, or to what belongs to none.
    pub fn can(&self, scope: Scope, source: Option<&str>) -> bool {
        match &self.0 {
            None => true,
            Some(grants) => grants.iter().any(|grant| grant.holds(scope, source)),
        }
    }

    /// Refuses who may not.
    ///
    /// # Errors
    /// PERMISSION_DENIED, which names the scope that is missing. `source` should be what the caller named, see
    /// [`Self::may_unnamed`].
    pub fn may(&self, scope: Scope, source: Option<&str>) -> Result<(), Fault> {
        if self.can(scope, source) {
            return Ok(());
        }
        let missing = Grant::new(scope, source).to_string();
        Err(denied(format!("the token does not have the scope `{missing}`")).with("scope", missing))
    }

    /// As [`Self::may`], for a source that the caller did not name, such as that of a job: the answer does not tell it.
    ///
    /// # Errors
    /// PERMISSION_DENIED, which names the scope but not the source.
    pub fn may_unnamed(&self, scope: Scope, source: &str) -> Result<(), Fault> {
        if self.can(scope, Some(source)) {
            return Ok(());
        }
        let message =
            format!("the token does not have the scope `{scope}` for the source that this belongs to");
        Err(denied(message).with("scope", scope.to_string()))
    }

    /// The sources to which the caller may do it.
    pub fn reach(&self, scope: Scope) -> Reach {
        if self.can(scope, None) {
            return Reach::All;
        }
        let granted = self.0.iter().flat_map(|grants| grants.iter());
        let sources =
            granted.filter(|grant| grant.scope.holds(scope)).filter_map(|grant| grant.source.clone());
        Reach::Only(sources.collect())
    }

    /// The reach of a list with a filter by source. An empty filter of a caller who reaches one source becomes that source, so that
    /// its pages are full.
    ///
    /// # Errors
    /// PERMISSION_DENIED if the filter names a source that the caller does not reach.
    pub fn narrow(&self, scope: Scope, filter: &mut String) -> Result<Reach, Fault> {
        let reach = self.reach(scope);
        if !filter.is_empty() {
            self.may(scope, Some(filter))?;
        } else if let Some(source) = reach.only_one() {
            source.clone_into(filter);
        }
        Ok(reach)
    }

    /// True if the caller may do it to one source at least.
    pub fn can_somewhere(&self, scope: Scope) -> bool {
        match self.reach(scope) {
            Reach::All => true,
            Reach::Only(sources) => !sources.is_empty(),
        }
    }
}

fn denied(message: String) -> Fault {
    Fault::new(ErrorCode::PermissionDenied, reason::SCOPE_MISSING, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(grants: &[&str]) -> Caller {
        Caller::granted(grants.iter().map(|text| text.parse().expect("a scope")))
    }

    #[test]
    fn a_request_from_within_may_everything() {
        let within = of(&tonic::Request::new(()));
        assert!(within.may(Scope::Admin, None).is_ok());
        assert_eq!(within.reach(Scope::Admin), Reach::All);
    }

    #[test]
    fn a_request_of_nobody_may_nothing() {
        let nobody = caller(&[]);
        for scope in [Scope::Ingest, Scope::Read, Scope::Admin] {
            assert!(!nobody.can(scope, Some("a")) && !nobody.can_somewhere(scope));
        }
    }

    #[test]
    fn the_caller_of_a_request_is_the_one_that_the_door_put_there() {
        let mut request = tonic::Request::new(());
        request.extensions_mut().insert(caller(&["read:a"]));
        assert_eq!(of(&request), caller(&["read:a"]));
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = caller(&["read:a"]).may(Scope::Read, Some("b")).expect_err("another source");
        assert_eq!((fault.code, fault.get("scope")), (ErrorCode::PermissionDenied, Some("read:b")));
        let fault = caller(&["ingest"]).may(Scope::Read, None).expect_err("another scope");
        assert!(fault.message.contains("`read`"), "{fault}");
    }

    #[test]
    fn a_source_that_was_not_named_is_not_told() {
        let fault =
            caller(&["read:a"]).may_unnamed(Scope::Read, "secret_project").expect_err("another source");
        assert!(!format!("{fault:?}").contains("secret_project"), "{fault:?}");
    }

    #[test]
    fn the_reach_of_several_grants_is_their_union() {
        let some = caller(&["read:a", "admin:b", "ingest:c"]);
        assert_eq!(some.reach(Scope::Read), Reach::Only(["a".to_owned(), "b".to_owned()].into()));
        assert!(some.reach(Scope::Ingest).has("c") && !some.reach(Scope::Ingest).has("a"));
        assert_eq!(caller(&["read:a", "read"]).reach(Scope::Read), Reach::All);
        assert_eq!(some.reach(Scope::Admin).only_one(), Some("b"));
        assert_eq!(some.reach(Scope::Read).only_one(), None);
    }

    #[test]
    fn a_list_is_narrowed_to_what_the_caller_reaches() {
        let narrowed = |grants: &[&str], filter: &str| {
            let mut filter = filter.to_owned();
            caller(grants).narrow(Scope::Read, &mut filter).map(|_| filter).ok()
        };
        assert_eq!(narrowed(&["read:a"], "").as_deref(), Some("a"));
        assert_eq!(narrowed(&["read:a", "read:b"], "").as_deref(), Some(""));
        assert_eq!(narrowed(&["read:a", "read:b"], "b").as_deref(), Some("b"));
        assert_eq!(narrowed(&["read:a"], "b"), None);
        assert_eq!(narrowed(&["read"], "b").as_deref(), Some("b"));
    }
}
