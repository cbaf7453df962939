//! How one page follows another: what is asked for next, when it ends, and when it goes round in a circle.

use reqwest::Url;

use super::seen::Seen;

/// What turns pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// There is one page.
    Once,
    /// Their number.
    Page { param: String },
    /// The number of records before.
    Offset { param: String },
    /// What the page before says. A path is one only where the user named no parameter.
    Cursor { param: String, takes_paths: bool },
    /// The `Link` header of the page before.
    Link,
}

/// Records of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Limit {
    /// The parameter that sends it.
    pub(super) param: Option<String>,
    pub(super) records: Option<u64>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The source's URL with these parameters.
    Query(Vec<(String, String)>),
    /// Another URL.
    Url(Url),
}

/// What a page tells of the one behind it.
#[derive(Debug)]
pub(super) struct Told<'p> {
    /// The page's number, from 1.
    pub(super) number: u64,
    pub(super) records: u64,
    /// Hash of the records' text.
    pub(super) print: u64,
    /// The exact JSON of the cursor, if it is there.
    pub(super) cursor: Option<&'p str>,
    /// The exact JSON that says whether there is more, if it is there.
    pub(super) more: Option<&'p str>,
    /// The URL of the `Link` header.
    pub(super) link: Option<&'p str>,
    /// What the page was asked for with.
    pub(super) url: &'p Url,
}

/// Why there is no next page, although there should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stuck {
    #[error("is the same as page {0}; {1}")]
    SamePage(u64, String),
    #[error("gives the {1} that page {0} gave before")]
    SameTarget(u64, &'static str),
    #[error("says that there is more, but not where: there is nothing at `cursor`")]
    NoCursor,
    #[error("has a cursor that is no text and no number")]
    NotACursor,
    #[error("says neither true nor false at `more`")]
    NeitherMoreNorLess,
    #[error("names a next page that is no URL")]
    NotAUrl,
}

/// Where reading stands.
#[derive(Debug)]
pub(super) struct Turns {
    step: Step,
    limit: Limit,
    at: u64,
    next: Next,
    /// Records of the largest page so far.
    most: u64,
    may_be_missing: bool,
    seen: Seen,
    last_print: Option<(u64, u64)>,
}

impl Turns {
    pub(super) fn new(step: Step, first: u64, limit: Limit) -> Self {
        let mut turns = Self {
            step,
            limit,
            at: first,
            next: Next::Query(Vec::new()),
            most: 0,
            may_be_missing: false,
            seen: Seen::default(),
            last_print: None,
        };
        turns.next = Next::Query(turns.parameters(None));
        turns
    }

    /// One page only.
    pub(super) fn once() -> Self {
        Self::new(Step::Once, 0, Limit::default())
    }

    /// What to ask for.
    pub(super) fn next(&self) -> &Next {
        &self.next
    }

    /// True if a server that has no such page has none: it was asked for only to see whether there is one.
    pub(super) fn may_be_missing(&self) -> bool {
        self.may_be_missing
    }

    /// Moves on; false if that was the last page.
    pub(super) fn advance(&mut self, page: &Told<'_>) -> Result<bool, Stuck> {
        match self.step.clone() {
            Step::Once => Ok(false),
            Step::Page { param } => self.count(page, 1, &param),
            Step::Offset { param } => self.count(page, page.records, &param),
            Step::Cursor { takes_paths, .. } => self.follow_cursor(page, takes_paths),
            Step::Link => match page.link {
                None => Ok(false),
                Some(link) => {
                    let url = Url::parse(link).map_err(|_| Stuck::NotAUrl)?;
                    self.go(page, "link", Next::Url(url))
                }
            },
        }
    }

    // A page with fewer records than were asked for is the last, unless the server never gives as many: then the largest page
    // so far tells how many it gives.
    fn count(&mut self, page: &Told<'_>, by: u64, param: &str) -> Result<bool, Stuck> {
        if page.records == 0 {
            return Ok(false);
        }
        if let Some(earlier) = self.seen.note(page.print, page.number) {
            let mend =
                format!("does the API know the parameter `{param}`? If it has one page, the kind is none");
            return Err(Stuck::SamePage(earlier, mend));
        }
        let full = self.limit.records.unwrap_or(1);
        let is_last = page.records < full.min(self.most);
        self.may_be_missing = page.records < full;
        self.most = self.most.max(page.records);
        self.at += by;
        self.next = Next::Query(self.parameters(None));
        Ok(!is_last)
    }

    fn follow_cursor(&mut self, page: &Told<'_>, takes_paths: bool) -> Result<bool, Stuck> {
        let more = page.more.map_or(Ok(None), truth)?;
        if more == Some(false) {
            return Ok(false);
        }
        let Some(cursor) = page.cursor.map_or(Ok(None), text)? else {
            return if more == Some(true) { Err(Stuck::NoCursor) } else { Ok(false) };
        };
        let is_url = cursor.starts_with("http://") || cursor.starts_with("https://");
        let next = if is_url || takes_paths && cursor.starts_with(['/', '?']) {
            Next::Url(page.url.join(&cursor).map_err(|_| Stuck::NotAUrl)?)
        } else {
            Next::Query(self.parameters(Some(cursor)))
        };
        self.go(page, "cursor", next)
    }

    fn go(&mut self, page: &Told<'_>, by: &'static str, next: Next) -> Result<bool, Stuck> {
        let target = match &next {
            Next::Query(pairs) => self.seen.note(pairs, page.number),
            Next::Url(url) => self.seen.note(url.as_str(), page.number),
        };
        if let Some(earlier) = target {
            return Err(Stuck::SameTarget(earlier, by));
        }
        // A server that pays no heed to cursors may give a new one with the same records each time.
        if page.records > 0
            && let Some((print, earlier)) = self.last_print.replace((page.print, page.number))
            && print == page.print
        {
            return Err(Stuck::SamePage(earlier, format!("does the API follow the {by} that it gives?")));
        }
        self.next = next;
        Ok(true)
    }

    fn parameters(&self, cursor: Option<String>) -> Vec<(String, String)> {
        let turning = match &self.step {
            Step::Once => return Vec::new(),
            Step::Page { param } | Step::Offset { param } => Some((param.clone(), self.at.to_string())),
            Step::Cursor { param, .. } => cursor.map(|cursor| (param.clone(), cursor)),
            Step::Link => None,
        };
        let limit = self.limit.param.clone().zip(self.limit.records.map(|records| records.to_string()));
        turning.into_iter().chain(limit).collect()
    }
}

// NULL, false and the empty text are no cursor.
fn text(json: &str) -> Result<Option<String>, Stuck> {
    match json.as_bytes().first() {
        Some(b'"') => {
            let text: String = serde_json::from_str(json).map_err(|_| Stuck::NotACursor)?;
            Ok(Some(text).filter(|text| !text.is_empty()))
        }
        Some(b'n' | b'f') => Ok(None),
        Some(b'0'..=b'9' | b'-') => Ok(Some(json.to_owned())),
        _ => Err(Stuck::NotACursor),
    }
}

fn truth(json: &str) -> Result<Option<bool>, Stuck> {
    match json {
        "null" => Ok(None),
        "true" | "\"true\"" => Ok(Some(true)),
        "false" | "\"false\"" | "\"\"" => Ok(Some(false)),
        number => match number.parse::<f64>() {
            Ok(number) => Ok(Some(number != 0.0)),
            Err(_) => Err(Stuck::NeitherMoreNorLess),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        Url::parse("http://x.org/v1/list").expect("url")
    }

    fn told(number: u64, records: u64, url: &Url) -> Told<'_> {
        Told { number, records, print: number, cursor: None, more: None, link: None, url }
    }

    fn paged(limit: Option<u64>) -> Turns {
        Turns::new(Step::Page { param: "page".into() }, 1, Limit { param: None, records: limit })
    }

    fn read(turns: &mut Turns, sizes: &[u64]) -> Vec<bool> {
        let url = url();
        let pages = (1..).zip(sizes);
        pages
            .map(|(number, &records)| turns.advance(&told(number, records, &url)).expect("not stuck"))
            .collect()
    }

    fn cursor(turns: &mut Turns, number: u64, cursor: &str, more: Option<&str>) -> Result<bool, Stuck> {
        let url = url();
        turns.advance(&Told { cursor: Some(cursor), more, ..told(number, 1, &url) })
    }

    fn by_cursor(takes_paths: bool) -> Turns {
        Turns::new(Step::Cursor { param: "after".into(), takes_paths }, 0, Limit::default())
    }

    #[test]
    fn a_page_with_fewer_records_than_the_others_is_the_last() {
        assert_eq!(read(&mut paged(Some(10)), &[10, 10, 5]), [true, true, false]);
        assert_eq!(read(&mut paged(Some(10)), &[10, 10, 0]), [true, true, false]);
        assert_eq!(read(&mut paged(None), &[3, 2, 3, 0]), [true, true, true, false]);
        assert_eq!(read(&mut paged(Some(2)), &[9, 9, 1]), [true, true, false]);
    }

    #[test]
    fn a_server_that_gives_less_than_asked_for_is_read_to_its_end() {
        assert_eq!(read(&mut paged(Some(1000)), &[100, 100, 37]), [true, true, false]);
        let mut turns = paged(Some(1000));
        assert_eq!(read(&mut turns, &[37]), [true], "one short page may be all, or the server's most");
        assert!(turns.may_be_missing());
        assert!(!turns.advance(&told(2, 0, &url())).expect("the end"));
    }

    #[test]
    fn offsets_count_what_came() {
        let limit = Limit { param: Some("limit".into()), records: Some(50) };
        let mut turns = Turns::new(Step::Offset { param: "offset".into() }, 0, limit);
        read(&mut turns, &[20, 20]);
        let pairs = [("offset", "40"), ("limit", "50")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(turns.next(), &Next::Query(pairs.to_vec()));
    }

    #[test]
    fn a_page_that_came_before_is_noticed_however_long_the_circle() {
        let url = url();
        let mut turns = paged(Some(1));
        for number in 1..=1000 {
            assert!(turns.advance(&told(number, 1, &url)).expect("new"));
        }
        let again = Told { print: 17, ..told(1001, 1, &url) };
        assert!(matches!(turns.advance(&again), Err(Stuck::SamePage(17, _))));
    }

    #[test]
    fn cursors_end_when_there_is_none_or_no_more() {
        for (json, more) in
            [("null", None), ("\"\"", None), ("false", None), ("\"x\"", Some("false")), ("5", Some("0"))]
        {
            assert_eq!(cursor(&mut by_cursor(false), 1, json, more), Ok(false), "{json} {more:?}");
        }
        for (json, more) in [("\"x\"", None), ("5", None), ("\"x\"", Some("true")), ("\"x\"", Some("null"))] {
            assert_eq!(cursor(&mut by_cursor(false), 1, json, more), Ok(true), "{json} {more:?}");
        }
        assert_eq!(by_cursor(false).advance(&told(1, 0, &url())), Ok(false));
        assert_eq!(cursor(&mut by_cursor(false), 1, "null", Some("true")), Err(Stuck::NoCursor));
        assert_eq!(cursor(&mut by_cursor(false), 1, "{}", None), Err(Stuck::NotACursor));
        assert_eq!(cursor(&mut by_cursor(false), 1, "\"x\"", Some("[]")), Err(Stuck::NeitherMoreNorLess));
    }

    #[test]
    fn a_cursor_that_came_before_is_noticed() {
        let mut turns = by_cursor(false);
        assert_eq!(cursor(&mut turns, 1, "\"a\"", None), Ok(true));
        assert_eq!(cursor(&mut turns, 2, "\"b\"", None), Ok(true));
        assert_eq!(cursor(&mut turns, 3, "\"a\"", None), Err(Stuck::SameTarget(1, "cursor")));
    }

    #[test]
    fn new_cursors_with_the_same_records_go_nowhere() {
        let (mut turns, url) = (by_cursor(false), url());
        let page = |number, cursor| Told { print: 9, cursor: Some(cursor), ..told(number, 5, &url) };
        assert_eq!(turns.advance(&page(1, "\"a\"")), Ok(true));
        assert!(matches!(turns.advance(&page(2, "\"b\"")), Err(Stuck::SamePage(1, _))));
    }

    #[test]
    fn a_cursor_may_be_a_url() {
        for (json, takes_paths, expected) in [
            ("\"https://y.org/?c=1\"", false, Some("https://y.org/?c=1")),
            ("\"/v1/list?c=1\"", true, Some("http://x.org/v1/list?c=1")),
            ("\"?c=1\"", true, Some("http://x.org/v1/list?c=1")),
            ("\"/+ab==\"", false, None),
            ("\"ab\"", true, None),
        ] {
            let mut turns = by_cursor(takes_paths);
            assert_eq!(cursor(&mut turns, 1, json, None), Ok(true));
            match (turns.next(), expected) {
                (Next::Url(url), Some(expected)) => assert_eq!(url.as_str(), expected),
                (Next::Query(pairs), None) => assert_eq!(pairs[0].0, "after"),
                (next, _) => panic!("{json}: {next:?}"),
            }
        }
    }

    #[test]
    fn links_are_followed_over_empty_pages_until_there_is_none() {
        let (mut turns, url) = (Turns::new(Step::Link, 0, Limit::default()), url());
        let page = |number, link| Told { link, ..told(number, 0, &url) };
        assert_eq!(turns.advance(&page(1, Some("http://x.org/2"))), Ok(true));
        assert_eq!(turns.advance(&page(2, Some("http://x.org/3"))), Ok(true));
        assert_eq!(turns.advance(&page(3, Some("http://x.org/2"))), Err(Stuck::SameTarget(1, "link")));
        assert_eq!(turns.advance(&page(3, None)), Ok(false));
    }
}
