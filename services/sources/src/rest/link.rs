//! `Link` headers (RFC 8288): where the next page is.

/// The target of the first link whose relation is `next`, as it is written.
pub(super) fn next(headers: &[String]) -> Option<String> {
    headers.iter().find_map(|header| Links(header).find(|link| link.is_next).map(|link| link.target))
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    target: String,
    is_next: bool,
}

/// The links of one header. What is no link is passed over up to the next comma.
struct Links<'h>(&'h str);

impl Iterator for Links<'_> {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        loop {
            self.0 = self.0.trim_start_matches([' ', '\t', ',']);
            if self.0.is_empty() {
                return None;
            }
            match self.0.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((target, rest)) => {
                    self.0 = rest;
                    return Some(self.parameters(target));
                }
                None => self.0 = self.0.split_once(',').map_or("", |(_, rest)| rest),
            }
        }
    }
}

impl Links<'_> {
    fn parameters(&mut self, target: &str) -> Link {
        let (mut relations, mut anchored) = (None, false);
        while let Some(rest) = self.0.trim_start().strip_prefix(';') {
            self.0 = rest;
            let (name, value) = self.parameter();
            if name.eq_ignore_ascii_case("rel") {
                // The first one counts.
                relations.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("anchor") {
                // It is a link of something else than this page.
                anchored = true;
            }
        }
        self.0 = self.0.split_once(',').map_or("", |(_, rest)| rest);
        let relations = relations.unwrap_or_default();
        let is_next = relations.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"));
        Link { target: target.trim().to_owned(), is_next: is_next && !anchored }
    }

    fn parameter(&mut self) -> (String, String) {
        let end = self.0.find(['=', ';', ',']).unwrap_or(self.0.len());
        let name = self.0[..end].trim().to_owned();
        self.0 = &self.0[end..];
        let Some(rest) = self.0.strip_prefix('=') else { return (name, String::new()) };
        self.0 = rest.trim_start();
        let value = if self.0.starts_with('"') { self.quoted() } else { self.token() };
        (name, value)
    }

    fn token(&mut self) -> String {
        let end = self.0.find([';', ',']).unwrap_or(self.0.len());
        let value = self.0[..end].trim().to_owned();
        self.0 = &self.0[end..];
        value
    }

    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut chars = self.0.char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return value;
                }
                '\\' => value.extend(chars.next().map(|(_, char)| char)),
                _ => value.push(char),
            }
        }
        self.0 = "";
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Option<String> {
        next(&headers.iter().map(|&header| header.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_next_link_is_found_among_others_in_one_header_and_in_several() {
        let github = r#"<https://x.org/r?page=1>; rel="prev", <https://x.org/r?page=3>; rel="next", <https://x.org/r?page=9>; rel="last""#;
        assert_eq!(of(&[github]).as_deref(), Some("https://x.org/r?page=3"));
        assert_eq!(of(&["</a>; rel=prev", "</b>; rel=next"]).as_deref(), Some("/b"));
        assert_eq!(of(&["</a>; rel=prev, </c>; rel=last"]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn quoted_parameters_may_hold_what_divides_links() {
        let tricky = r#"<?p=1,2;3>; title="a, b; rel=next \" <x>"; rel="prev", <?p=2>;title*=UTF-8''x ; REL = "start NEXT""#;
        assert_eq!(of(&[tricky]).as_deref(), Some("?p=2"));
    }

    #[test]
    fn a_target_may_hold_commas_and_semicolons() {
        assert_eq!(of(&["<https://x.org/?ids=1,2;3>;rel=next"]).as_deref(), Some("https://x.org/?ids=1,2;3"));
    }

    #[test]
    fn only_the_first_relation_of_a_link_counts_and_links_of_other_things_do_not() {
        assert_eq!(of(&["</a>; rel=prev; rel=next"]), None);
        assert_eq!(of(&["</a>; anchor=\"/other\"; rel=next"]), None);
        assert_eq!(of(&["</a>; rel=nextish"]), None);
    }

    #[test]
    fn what_is_no_link_is_passed_over() {
        for header in
            ["", ",", "nonsense", "<unclosed; rel=next", "</a>", "</a>;", "</a>; rel", "</a>; rel=\"next"]
        {
            let found = of(&[header]);
            assert!(found.is_none() || header.ends_with("\"next"), "{header}: {found:?}");
        }
        assert_eq!(of(&["nonsense, </b>; rel=next"]).as_deref(), Some("/b"));
    }
}
