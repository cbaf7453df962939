//! Which files a statement can need, told by its comparisons and by the bounds that the catalog keeps of every file. In doubt a
//! file is needed: what is left out can never change a result.

mod constant;
mod predicate;
mod scope;
mod test;

use rfe_model::SqlType;

pub use constant::{Constant, Zone};
pub use predicate::Predicate;
pub use scope::{Place, Places, address, places};
use test::Test;

use crate::{files::File, gate::Gated, parameters::Parameters};

/// A column by which files can be left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Prunable {
    /// Its name in SQL.
    pub name: String,
    /// Its id, by which a file's bounds are found.
    pub id: u32,
    /// Its type today.
    pub kind: SqlType,
}

/// What a statement asks of the files of one table.
#[derive(Debug)]
pub struct Pruning {
    // One test for each place where the statement names the table.
    tests: Vec<Test>,
}

impl Pruning {
    /// Reads what the statement asks of a table with these columns. Columns that are not among them leave nothing out.
    pub fn of(
        gated: &Gated,
        places: &[&Place],
        columns: &[Prunable],
        parameters: &Parameters,
        zone: Zone,
    ) -> Self {
        let value = |name: &str| {
            let number = gated.parameters.get(name).filter(|_| gated.parameters.len() == parameters.len())?;
            Constant::bound(parameters.value(name, number.checked_sub(1)?)?)
        };
        let tests = places.iter().map(|place| Test::of(place, columns, &value, zone));
        Self { tests: tests.collect() }
    }

    /// True if no file can be left out.
    pub fn is_idle(&self) -> bool {
        self.tests.is_empty() || self.tests.iter().any(|test| matches!(test, Test::Any))
    }

    /// True if the statement may need rows of the file.
    pub fn needs(&self, file: &File) -> bool {
        self.is_idle() || self.tests.iter().any(|test| test.may_match(file))
    }
}
