//! How one page follows another.

use serde::Deserialize;

use crate::config::Wrong;

/// The keys below `config.pagination`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PaginationConfig {
    kind: String,
    page_param: Option<String>,
    offset_param: Option<String>,
    limit_param: Option<String>,
    limit: Option<u64>,
    start: Option<u64>,
    cursor_param: Option<String>,
    cursor: Option<String>,
    more: Option<String>,
}

impl PaginationConfig {
    /// Checks that the kind has its keys and no others.
    pub(super) fn check(&self, wrong: &mut Wrong) {
        let known: &[&str] = match self.kind.as_str() {
            "none" => &[],
            "page" => &["page_param", "limit_param", "limit", "start"],
            "offset" => &["offset_param", "limit_param", "limit", "start"],
            later @ ("cursor" | "link") => {
                return wrong.add(
                    "config.pagination.kind",
                    format!("`{later}` comes with a later version; none, page and offset are read now"),
                );
            }
            other => {
                return wrong.add(
                    "config.pagination.kind",
                    format!("`{other}` is none of none, page, offset, cursor, link"),
                );
            }
        };
        for (name, is_set) in [
            ("page_param", self.page_param.is_some()),
            ("offset_param", self.offset_param.is_some()),
            ("limit_param", self.limit_param.is_some()),
            ("limit", self.limit.is_some()),
            ("start", self.start.is_some()),
            ("cursor_param", self.cursor_param.is_some()),
            ("cursor", self.cursor.is_some()),
            ("more", self.more.is_some()),
        ] {
            if is_set && !known.contains(&name) {
                wrong.add(
                    &format!("config.pagination.{name}"),
                    format!("means nothing to pagination of kind {}; remove it", self.kind),
                );
            }
        }
        if self.limit == Some(0) {
            wrong.add("config.pagination.limit", "0 records a page read nothing; at least 1");
        }
        if self.limit_param.is_some() && self.limit.is_none() {
            wrong.add("config.pagination.limit", "is missing; `limit_param` sends it");
        }
    }

    /// The pages from the first on.
    pub(super) fn pages(&self) -> Pages {
        let step = match self.kind.as_str() {
            "page" => Step::Page { param: self.page_param.clone().unwrap_or_else(|| "page".to_owned()) },
            "offset" => {
                Step::Offset { param: self.offset_param.clone().unwrap_or_else(|| "offset".to_owned()) }
            }
            _ => Step::Once,
        };
        let at = self.start.unwrap_or(u64::from(matches!(step, Step::Page { .. })));
        let limit = self.limit_param.clone().zip(self.limit);
        Pages { step, at, limit, full: self.limit.unwrap_or(1) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Once,
    Page { param: String },
    Offset { param: String },
}

/// Where reading stands.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    step: Step,
    at: u64,
    limit: Option<(String, u64)>,
    /// A page with fewer records is the last.
    full: u64,
}

impl Pages {
    /// One page only.
    pub(super) fn once() -> Self {
        PaginationConfig::default().pages()
    }

    /// The parameters of the page at hand.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let at = match &self.step {
            Step::Once => return Vec::new(),
            Step::Page { param } | Step::Offset { param } => (param.clone(), self.at.to_string()),
        };
        let limit = self.limit.iter().map(|(param, limit)| (param.clone(), limit.to_string()));
        [at].into_iter().chain(limit).collect()
    }

    /// Moves to the page after one with so many records; false if that was the last.
    pub(super) fn advance(&mut self, records: u64) -> bool {
        self.at += match self.step {
            Step::Once => return false,
            Step::Page { .. } => 1,
            Step::Offset { .. } => records,
        };
        records >= self.full
    }

    /// The parameter that turns pages, for messages.
    pub(super) fn param(&self) -> &str {
        match &self.step {
            Step::Once => "",
            Step::Page { param } | Step::Offset { param } => param,
        }
    }
}
