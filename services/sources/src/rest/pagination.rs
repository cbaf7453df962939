//! The config of pagination.

use serde::Deserialize;

use super::{
    envelope::Pointers,
    turn::{Limit, Step, Turns},
};
use crate::{config::Wrong, json_pointer};

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
    fn known(&self) -> Option<&'static [&'static str]> {
        Some(match self.kind.as_str() {
            "none" => &[],
            "page" => &["page_param", "limit_param", "limit", "start"],
            "offset" => &["offset_param", "limit_param", "limit", "start"],
            "cursor" => &["cursor_param", "cursor", "more", "limit_param", "limit"],
            "link" => &["limit_param", "limit"],
            _ => return None,
        })
    }

    fn set(&self) -> impl Iterator<Item = &'static str> {
        [
            ("page_param", self.page_param.is_some()),
            ("offset_param", self.offset_param.is_some()),
            ("limit_param", self.limit_param.is_some()),
            ("limit", self.limit.is_some()),
            ("start", self.start.is_some()),
            ("cursor_param", self.cursor_param.is_some()),
            ("cursor", self.cursor.is_some()),
            ("more", self.more.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_set)| is_set.then_some(name))
    }

    /// Checks that the kind has its keys and no others.
    pub(super) fn check(&self, wrong: &mut Wrong) {
        let Some(known) = self.known() else {
            return wrong.add(
                "config.pagination.kind",
                format!("`{}` is none of none, page, offset, cursor, link", self.kind),
            );
        };
        for name in self.set().filter(|name| !known.contains(name)) {
            wrong.add(
                &format!("config.pagination.{name}"),
                format!("means nothing to pagination of kind {}; remove it", self.kind),
            );
        }
        self.check_values(wrong);
    }

    fn check_values(&self, wrong: &mut Wrong) {
        for (name, value) in [
            ("page_param", &self.page_param),
            ("offset_param", &self.offset_param),
            ("limit_param", &self.limit_param),
            ("cursor_param", &self.cursor_param),
        ] {
            if value.as_ref().is_some_and(String::is_empty) {
                wrong.add(&format!("config.pagination.{name}"), "is empty; it names a parameter of the URL");
            }
        }
        for (name, pointer) in [("cursor", &self.cursor), ("more", &self.more)] {
            if let Some(pointer) = pointer {
                wrong.check(&format!("config.pagination.{name}"), json_pointer::check(pointer));
            }
        }
        if self.kind == "cursor" && self.cursor.is_none() {
            wrong.add(
                "config.pagination.cursor",
                "is missing: the JSON pointer to the next cursor in the answer, such as /next",
            );
        }
        if self.limit == Some(0) {
            wrong.add("config.pagination.limit", "0 records a page read nothing; at least 1");
        }
        if self.limit_param.is_some() && self.limit.is_none() {
            wrong.add("config.pagination.limit", "is missing; `limit_param` sends it");
        }
        let sends_limit = matches!(self.kind.as_str(), "cursor" | "link");
        if sends_limit && self.limit.is_some() && self.limit_param.is_none() {
            wrong.add("config.pagination.limit_param", "is missing: the parameter that sends `limit`");
        }
    }

    /// The pages from the first on.
    pub(super) fn turns(&self) -> Turns {
        let named =
            |param: &Option<String>, default: &str| param.clone().unwrap_or_else(|| default.to_owned());
        let step = match self.kind.as_str() {
            "page" => Step::Page { param: named(&self.page_param, "page") },
            "offset" => Step::Offset { param: named(&self.offset_param, "offset") },
            "cursor" => Step::Cursor {
                param: named(&self.cursor_param, "cursor"),
                takes_paths: self.cursor_param.is_none(),
            },
            "link" => Step::Link,
            _ => Step::Once,
        };
        let first = self.start.unwrap_or(u64::from(matches!(step, Step::Page { .. })));
        Turns::new(step, first, Limit { param: self.limit_param.clone(), records: self.limit })
    }

    /// Where pages say what follows.
    pub(super) fn pointers(&self, records: Option<&str>) -> Pointers {
        Pointers::new(records, self.cursor.as_deref(), self.more.as_deref())
    }
}
