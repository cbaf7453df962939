//! What a caller may see: the datasets of its sources, and `meta` only with all of them.

use rfe_mesh::{Caller, Scope, caller::Reach};

use crate::{
    error::QueryError,
    gate::{Gated, Space},
};

/// Refuses a statement that names a table beyond the caller's reach. `information_schema` passes: it shows to each caller its own.
pub fn check(caller: &Caller, gated: &Gated) -> Result<(), QueryError> {
    gated.tables.iter().try_for_each(|table| {
        let allowed = match table.space {
            Space::Main | Space::Raw => caller.may(Scope::Read, Some(&table.name)),
            Space::Meta => caller.may(Scope::Read, None),
            Space::Information => Ok(()),
        };
        allowed.map_err(QueryError::Denied)
    })
}

/// The datasets that a caller may see.
pub fn of(caller: &Caller) -> Reach {
    caller.reach(Scope::Read)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::gate::Table;

    fn naming(tables: &[(Space, &str)]) -> Gated {
        let table = |(space, name): &(Space, &str)| Table { space: *space, name: (*name).to_owned() };
        Gated {
            sql: String::new(),
            tables: tables.iter().map(table).collect(),
            places: Vec::new(),
            parameters: BTreeMap::new(),
        }
    }

    #[test]
    fn a_statement_passes_if_each_of_its_tables_is_within_reach() {
        let limited = Caller::granted(["read:a".parse().expect("a scope")]);
        let whole = Caller::granted(["read".parse().expect("a scope")]);
        for (tables, passes) in [
            (&[][..], true),
            (&[(Space::Main, "a"), (Space::Raw, "a")], true),
            (&[(Space::Information, "tables")], true),
            (&[(Space::Main, "a"), (Space::Main, "b")], false),
            (&[(Space::Raw, "b")], false),
            (&[(Space::Meta, "ingestion_runs")], false),
        ] {
            let gated = naming(tables);
            assert_eq!(check(&limited, &gated).is_ok(), passes, "{tables:?}");
            assert!(check(&whole, &gated).is_ok() && check(&Caller::within(), &gated).is_ok());
        }
    }
}
