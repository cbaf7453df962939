//! What records must be like, as readers ask it: column by column.

use std::collections::HashMap;

use rfe_model::{SqlType, letter::Stage, source::SchemaPolicy};

use crate::{
    Expectation,
    cast::fits,
    error::code,
    flaw::{Flaw, check_text, shown},
    infer::Inference,
};

/// What records must be like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    // `None`: the column is known, and anything fits.
    rules: HashMap<String, Option<Rule>>,
    unknown: Option<Rule>,
    required: Vec<String>,
}

/// What the values of one column must be like. NULL always is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Castable to a declared type.
    Declared(SqlType),
    /// So that the type of the dataset's column need not widen.
    Held(SqlType, SchemaPolicy),
    /// Nothing: the dataset has no such column and takes no new ones.
    Unknown(SchemaPolicy),
}

impl Expected {
    pub(crate) fn new(expectation: &Expectation) -> Self {
        let mut rules = HashMap::new();
        let mut unknown = None;
        if let Some(held) = &expectation.held {
            for (name, kind) in &held.columns {
                let rule = kind.clone().map(|kind| Rule::Held(kind, held.policy));
                rules.insert(name.to_lowercase(), rule);
            }
            unknown = held.closed.then_some(Rule::Unknown(held.policy));
        }
        for (name, kind) in &expectation.declared {
            rules.insert(name.to_lowercase(), Some(Rule::Declared(kind.clone())));
        }
        Self { rules, unknown, required: expectation.required.clone() }
    }

    /// The columns in which every record has a value.
    pub(crate) fn required(&self) -> &[String] {
        &self.required
    }

    /// Where the required columns are among these, in their order; `None` for one that is not there.
    pub(crate) fn required_places(&self, columns: &[String]) -> Vec<Option<usize>> {
        let place = |name: &String| {
            let name = name.to_lowercase();
            columns.iter().position(|column| column.to_lowercase() == name)
        };
        self.required.iter().map(place).collect()
    }

    /// The rule of a column, if it has one. Names of columns do not differ by case alone.
    pub(crate) fn rule(&self, column: &str) -> Option<&Rule> {
        if self.rules.is_empty() {
            return self.unknown.as_ref();
        }
        match self.rules.get(&column.to_lowercase()) {
            Some(known) => known.as_ref(),
            None => self.unknown.as_ref(),
        }
    }

    /// True if the dataset takes no column of this name.
    pub(crate) fn refuses(&self, column: &str) -> bool {
        self.unknown.is_some() && matches!(self.rule(column), Some(Rule::Unknown(_)))
    }
}

impl Rule {
    /// The type that values must fit.
    pub(crate) fn kind(&self) -> Option<&SqlType> {
        match self {
            Self::Declared(kind) | Self::Held(kind, _) => Some(kind),
            Self::Unknown(_) => None,
        }
    }

    /// True if any text fits.
    pub(crate) fn takes_all_text(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Declared(kind) => matches!(kind, SqlType::Varchar | SqlType::Blob | SqlType::Nested(_)),
            Self::Held(kind, _) => *kind == SqlType::Varchar,
        }
    }

    /// Checks a text that is no NULL, as CSV has it.
    pub(crate) fn check_text(&self, column: &str, text: &str) -> Result<(), Flaw> {
        let mut inference = Inference::default();
        if matches!(self, Self::Held(..)) {
            inference.text(text);
        }
        self.check(column, text, inference)
    }

    /// Checks a value whose class is known.
    pub(crate) fn check(&self, column: &str, text: &str, seen: Inference) -> Result<(), Flaw> {
        match self {
            Self::Declared(kind) => check_text(column, text, kind),
            Self::Held(kind, policy) if keeps(kind, *policy, text, seen) => Ok(()),
            Self::Held(..) | Self::Unknown(_) => Err(self.misfit(column, text)),
        }
    }

    /// What is wrong with a value that does not follow the rule.
    pub(crate) fn misfit(&self, column: &str, value: &str) -> Flaw {
        let (code, message) = match self {
            Self::Declared(kind) => return Flaw::bad_value(column, value, kind),
            Self::Held(kind, policy) => (
                code::BAD_VALUE,
                format!(
                    "{} does not fit the column `{column}`, which is {kind}, and schema_policy is `{}`",
                    shown(column, value),
                    policy.as_str()
                ),
            ),
            Self::Unknown(policy) => (
                code::UNKNOWN_COLUMN,
                format!(
                    "the dataset has no column `{column}`, and schema_policy is `{}`; declare it under `columns`, or let the \
                     schema `evolve`",
                    policy.as_str()
                ),
            ),
        };
        Flaw { stage: Stage::Contract, code, message, field_path: column.to_owned() }
    }
}

// A value fits if the type would stay as it is with the value in it. Types that no text or JSON value has by itself, such as
// DECIMAL, take what can be cast; a frozen schema is checked once more by its run, which knows classes only.
fn keeps(kind: &SqlType, policy: SchemaPolicy, text: &str, seen: Inference) -> bool {
    let Some(class) = seen.observed() else { return true };
    if kind.widen(&class, seen.exceeds_double()) == *kind {
        return true;
    }
    let is_plain = matches!(kind, SqlType::Boolean | SqlType::BigInt | SqlType::Double);
    !is_plain && policy != SchemaPolicy::Freeze && fits(text, kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Held;

    fn held(columns: &[(&str, Option<SqlType>)], closed: bool) -> Expected {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
        let held = Held { policy: SchemaPolicy::Quarantine, columns, closed };
        Expected::new(&Expectation { held: Some(held), ..Expectation::default() })
    }

    #[test]
    fn a_held_type_takes_what_would_not_widen_it() {
        use SqlType::{BigInt, Boolean, Date, Decimal, Double, Timestamp, Varchar};
        for (kind, text, fits) in [
            (BigInt, "9007199254740993", true),
            (BigInt, "2.5", false),
            (BigInt, "007", false),
            (Double, "3", true),
            (Double, "9007199254740993", false),
            (Boolean, "true", true),
            (Boolean, "yes", false),
            (Timestamp, "2026-01-01", true),
            (Date, "2026-01-01 10:00:00", false),
            (Decimal(10, 2), "1.50", true),
            (Decimal(10, 2), "many", false),
            (Varchar, "anything", true),
        ] {
            let rule = Rule::Held(kind.clone(), SchemaPolicy::Quarantine);
            assert_eq!(rule.check_text("c", text).is_ok(), fits, "{text} in {kind}");
        }
    }

    #[test]
    fn a_closed_dataset_refuses_columns_that_it_does_not_have() {
        let expected = held(&[("Id", Some(SqlType::BigInt)), ("path", None)], true);
        assert!(!expected.refuses("id") && !expected.refuses("PATH") && expected.refuses("extra"));
        let flaw = expected.rule("extra").expect("a rule").check_text("extra", "1").expect_err("refused");
        assert_eq!(
            (flaw.code, flaw.stage, flaw.field_path.as_str()),
            ("UNKNOWN_COLUMN", Stage::Contract, "extra")
        );
        assert_eq!(expected.rule("path"), None, "known, and anything fits");
        assert_eq!(held(&[("id", None)], false).rule("extra"), None);
    }

    #[test]
    fn a_declared_type_wins_and_its_flaw_is_the_declarations() {
        let declared = BTreeMap::from([("ID".to_owned(), SqlType::BigInt)]);
        let columns = BTreeMap::from([("id".to_owned(), Some(SqlType::Date))]);
        let held = Held { policy: SchemaPolicy::Discard, columns, closed: false };
        let expected = Expected::new(&Expectation { declared, held: Some(held), ..Expectation::default() });
        let rule = expected.rule("id").expect("a rule");
        assert!(rule.check_text("id", "007").is_ok(), "declared types are read leniently");
        assert_eq!(rule.check_text("id", "x").expect_err("no integer").stage, Stage::Validate);
    }

    #[test]
    fn a_message_tells_no_value_of_a_column_that_may_hold_secrets() {
        let rule = Rule::Declared(SqlType::BigInt);
        let flaw = rule.check_text("api_key", "hunter2").expect_err("no integer");
        assert!(!flaw.message.contains("hunter2"), "{}", flaw.message);
    }
}
