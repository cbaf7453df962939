//! Page sizes and tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rfe_model::Fault;
use rfe_registry::Page;

/// How long the pages of a list are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    name: &'static str,
    default: u32,
    largest: u32,
}

/// A page that was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    list: List,
    limit: u32,
    after: Option<String>,
}

impl List {
    /// A list of things that are small.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, default: 100, largest: 1000 }
    }

    /// A list of files.
    pub(crate) const fn of_files(name: &'static str) -> Self {
        Self { name, default: 1000, largest: 10_000 }
    }

    /// Reads the size and token of a request.
    pub(crate) fn page(self, size: i32, token: &str) -> Result<Asked, Fault> {
        let limit = match u32::try_from(size) {
            Ok(0) => self.default,
            Ok(size) => size.min(self.largest),
            Err(_) => {
                return Err(Fault::invalid(
                    "page_size",
                    format!("{size} is negative; 0 means {}", self.default),
                ));
            }
        };
        let after = if token.is_empty() { None } else { Some(self.key(token)?) };
        Ok(Asked { list: self, limit, after })
    }

    fn key(self, token: &str) -> Result<String, Fault> {
        let wrong = || {
            let reason = format!("is no token of {}; pass `next_page_token` of the page before", self.name);
            Fault::invalid("page_token", reason)
        };
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (name, key) = text.split_once('\n').ok_or_else(wrong)?;
        if name == self.name { Ok(key.to_owned()) } else { Err(wrong()) }
    }

    fn token(self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{key}", self.name))
    }
}

impl Asked {
    /// What to ask the store for: one entry more than the page holds, which tells whether there is a next page.
    pub(crate) fn of_store(&self) -> Page {
        Page { after: self.after.clone(), limit: self.limit + 1 }
    }

    /// The page's entries and the token of the next; empty on the last page.
    pub(crate) fn cut<T>(&self, mut entries: Vec<T>, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
        let has_more = entries.len() > self.limit as usize;
        entries.truncate(self.limit as usize);
        let token = entries.last().filter(|_| has_more).map(|last| self.list.token(&key(last)));
        (entries, token.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: List = List::new("ListNames");

    #[test]
    fn pages_end_with_an_empty_token_even_if_the_last_is_full() {
        let first = NAMES.page(2, "").expect("first");
        assert_eq!(first.of_store(), Page { after: None, limit: 3 });
        let (page, token) = first.cut(vec!["a", "b", "c"], |name| (*name).to_owned());
        assert_eq!(page, ["a", "b"]);
        let second = NAMES.page(2, &token).expect("second");
        assert_eq!(second.of_store().after.as_deref(), Some("b"));
        assert_eq!(second.cut(vec!["c", "d"], |name| (*name).to_owned()), (vec!["c", "d"], String::new()));
    }

    #[test]
    fn sizes_follow_the_protos() {
        for (size, limit) in [(0, 100), (7, 7), (5000, 1000)] {
            assert_eq!(NAMES.page(size, "").expect("page").limit, limit);
        }
        let negative = NAMES.page(-1, "").expect_err("negative");
        assert_eq!(negative.violations[0].path, "page_size");
    }

    #[test]
    fn a_token_of_another_list_is_refused() {
        let token = List::new("ListOther").token("a");
        for wrong in [token.as_str(), "%%%", "YQ"] {
            let fault = NAMES.page(1, wrong).expect_err(wrong);
            assert_eq!(fault.violations[0].path, "page_token");
        }
    }
}
