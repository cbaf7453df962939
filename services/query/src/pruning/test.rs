//! A predicate, settled for the columns of one table and the values of one statement.

use rfe_model::SqlType;

use super::{
    Constant, Place, Predicate, Prunable, Zone,
    constant::Point,
    predicate::{Operand, Operator},
};
use crate::files::{File, Holds};

// Each arm is looked at for each file.
const MAX_ARMS: usize = 64;

/// What a file must hold to be needed.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Anything.
    Any,
    /// No file is needed.
    None,
    And(Vec<Self>),
    Or(Vec<Self>),
    // By column ids.
    Null(u32),
    NotNull(u32),
    Bounds(u32, SqlType, Side, Point),
}

/// Where a column stands against a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Equal,
    Below,
    BelowOrAt,
    Above,
    AboveOrAt,
}

type Bindings<'a> = &'a dyn Fn(&str) -> Option<Constant>;

impl Test {
    /// All that is asked at a place.
    pub fn of(place: &Place, columns: &[Prunable], bindings: Bindings<'_>, zone: Zone) -> Self {
        let settle = Settle { place, columns, bindings, zone };
        Self::all(place.filters.iter().map(|filter| settle.predicate(filter)))
    }

    fn all(tests: impl Iterator<Item = Self>) -> Self {
        let mut kept = tests.filter(|test| *test != Self::Any).collect::<Vec<_>>();
        match kept.len() {
            0 => Self::Any,
            1 => kept.swap_remove(0),
            _ => Self::And(kept),
        }
    }

    fn any(tests: impl Iterator<Item = Self>) -> Self {
        let mut tests = tests.collect::<Vec<_>>();
        if tests.is_empty() || tests.contains(&Self::Any) {
            return Self::Any;
        }
        tests.retain(|test| *test != Self::None);
        match tests.len() {
            0 => Self::None,
            1..=MAX_ARMS => Self::Or(tests),
            _ => range(&tests).unwrap_or(Self::Any),
        }
    }

    /// True unless the file surely has no row that passes.
    pub fn may_match(&self, file: &File) -> bool {
        match self {
            Self::Any => true,
            Self::None => false,
            Self::And(tests) => tests.iter().all(|test| test.may_match(file)),
            Self::Or(tests) => tests.iter().any(|test| test.may_match(file)),
            Self::Null(id) => file.holds(*id) != Holds::NoNulls,
            Self::NotNull(id) => file.holds(*id) != Holds::OnlyNulls,
            Self::Bounds(id, today, side, point) => {
                file.holds(*id) != Holds::OnlyNulls
                    && file.bounds(*id).is_none_or(|(min, max, written)| {
                        let read = |text: &str| Point::of_bound(text, written, today);
                        let bounds = read(min).zip(read(max));
                        bounds.is_none_or(|(min, max)| side.may_match(&min, &max, point))
                    })
            }
        }
    }
}

// From the least to the greatest of many points of one column.
fn range(tests: &[Test]) -> Option<Test> {
    let Some(Test::Bounds(id, kind, Side::Equal, first)) = tests.first() else { return None };
    let (mut least, mut greatest) = (first, first);
    for test in tests {
        let Test::Bounds(other, _, Side::Equal, point) = test else { return None };
        if other != id {
            return None;
        }
        least = if point.may_be_less(least) { point } else { least };
        greatest = if greatest.may_be_less(point) { point } else { greatest };
    }
    let bound = |side, point: &Point| Test::Bounds(*id, kind.clone(), side, point.clone());
    Some(Test::And(vec![bound(Side::AboveOrAt, least), bound(Side::BelowOrAt, greatest)]))
}

impl Side {
    fn may_match(self, min: &Point, max: &Point, point: &Point) -> bool {
        match self {
            Self::Equal => min.may_not_be_greater(point) && point.may_not_be_greater(max),
            Self::Below => min.may_be_less(point),
            Self::BelowOrAt => min.may_not_be_greater(point),
            Self::Above => point.may_be_less(max),
            Self::AboveOrAt => point.may_not_be_greater(max),
        }
    }
}

struct Settle<'a> {
    place: &'a Place,
    columns: &'a [Prunable],
    bindings: Bindings<'a>,
    zone: Zone,
}

impl Settle<'_> {
    fn predicate(&self, predicate: &Predicate) -> Test {
        match predicate {
            Predicate::And(all) => Test::all(all.iter().map(|one| self.predicate(one))),
            Predicate::Or(any) => Test::any(any.iter().map(|one| self.predicate(one))),
            Predicate::Null(operand) => {
                self.column(operand).map_or(Test::Any, |column| Test::Null(column.id))
            }
            Predicate::NotNull(operand) => {
                self.column(operand).map_or(Test::Any, |column| Test::NotNull(column.id))
            }
            Predicate::Compare(left, operator, right) => {
                self.compare(left, *operator, right).unwrap_or(Test::Any)
            }
            Predicate::Unknown => Test::Any,
        }
    }

    fn compare(&self, left: &Operand, operator: Operator, right: &Operand) -> Option<Test> {
        let (column, constant, side) = match (self.column(left), self.column(right)) {
            (Some(column), None) => (column, self.constant(right)?, operator.of_left()),
            (None, Some(column)) => (column, self.constant(left)?, operator.of_right()),
            _ => return None,
        };
        if constant == Constant::Null {
            return Some(Test::None);
        }
        let point = constant.point(&column.kind, self.zone)?;
        Some(Test::Bounds(column.id, column.kind.clone(), side, point))
    }

    fn column(&self, operand: &Operand) -> Option<&Prunable> {
        let Operand::Column(path) = operand else { return None };
        let name = self.place.column(path)?;
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    fn constant(&self, operand: &Operand) -> Option<Constant> {
        match operand {
            Operand::Constant(constant) => Some(constant.clone()),
            Operand::Parameter(name) => (self.bindings)(name),
            Operand::Column(_) | Operand::Unknown => None,
        }
    }
}

impl Operator {
    fn of_left(self) -> Side {
        match self {
            Self::Equal => Side::Equal,
            Self::Less => Side::Below,
            Self::LessOrEqual => Side::BelowOrAt,
        }
    }

    fn of_right(self) -> Side {
        match self {
            Self::Equal => Side::Equal,
            Self::Less => Side::Above,
            Self::LessOrEqual => Side::AboveOrAt,
        }
    }
}
