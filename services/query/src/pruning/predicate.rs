//! Predicates of a statement, as far as bounds can judge them.

use serde_json::Value as Json;

use super::{Constant, Zone};

/// A column as the statement writes it, qualifiers first.
pub type Path = Vec<String>;

/// What a row must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    And(Vec<Self>),
    Or(Vec<Self>),
    Compare(Operand, Operator, Operand),
    Null(Operand),
    NotNull(Operand),
    /// Anything else.
    Unknown,
}

/// How two operands compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Less,
    LessOrEqual,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    Column(Path),
    Constant(Constant),
    /// A parameter by its name.
    Parameter(String),
    /// Anything else.
    Unknown,
}

// Deeper than this nobody writes comparisons; the parser makes one list of a long AND.
const MAX_DEPTH: usize = 32;

impl Predicate {
    /// Reads an expression of the parsed statement.
    pub fn read(node: &Json, zone: Zone) -> Self {
        Self::read_at(node, zone, 0)
    }

    fn read_at(node: &Json, zone: Zone, depth: usize) -> Self {
        if depth > MAX_DEPTH {
            return Self::Unknown;
        }
        let children = || node["children"].as_array().map(Vec::as_slice).unwrap_or_default();
        let all = || children().iter().map(|child| Self::read_at(child, zone, depth + 1)).collect();
        let first = || Operand::read(&node["children"][0], zone);
        match node["type"].as_str().unwrap_or_default() {
            "CONJUNCTION_AND" => Self::And(all()),
            "CONJUNCTION_OR" => Self::Or(all()),
            "COMPARE_BETWEEN" => {
                let side = |key: &str| Operand::read(&node[key], zone);
                Self::And(vec![
                    Self::Compare(side("lower"), Operator::LessOrEqual, side("input")),
                    Self::Compare(side("input"), Operator::LessOrEqual, side("upper")),
                ])
            }
            "COMPARE_IN" => {
                let options = children().iter().skip(1);
                let equal = |option| Self::Compare(first(), Operator::Equal, Operand::read(option, zone));
                Self::Or(options.map(equal).collect())
            }
            "OPERATOR_IS_NULL" => Self::Null(first()),
            "OPERATOR_IS_NOT_NULL" => Self::NotNull(first()),
            kind => Self::comparison(
                kind,
                Operand::read(&node["left"], zone),
                Operand::read(&node["right"], zone),
            ),
        }
    }

    fn comparison(kind: &str, left: Operand, right: Operand) -> Self {
        match kind {
            "COMPARE_EQUAL" => Self::Compare(left, Operator::Equal, right),
            "COMPARE_LESSTHAN" => Self::Compare(left, Operator::Less, right),
            "COMPARE_LESSTHANOREQUALTO" => Self::Compare(left, Operator::LessOrEqual, right),
            "COMPARE_GREATERTHAN" => Self::Compare(right, Operator::Less, left),
            "COMPARE_GREATERTHANOREQUALTO" => Self::Compare(right, Operator::LessOrEqual, left),
            _ => Self::Unknown,
        }
    }
}

impl Operand {
    fn read(node: &Json, zone: Zone) -> Self {
        match node["class"].as_str().unwrap_or_default() {
            "COLUMN_REF" => {
                let names = node["column_names"].as_array().map(Vec::as_slice).unwrap_or_default();
                Self::Column(names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect())
            }
            "PARAMETER" => Self::Parameter(node["identifier"].as_str().unwrap_or_default().to_owned()),
            "CONSTANT" => Constant::read(node).map_or(Self::Unknown, Self::Constant),
            "CAST" => match Self::read(&node["child"], zone) {
                Self::Constant(constant) => {
                    constant.cast(&node["cast_type"], zone).map_or(Self::Unknown, Self::Constant)
                }
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}
