//! Text before the gate: the catalog's name is taken away (the engine knows a database by another), `information_schema` leads
//! to ours, and EXPLAIN comes off. What leaves here is what the gate parses and the engine runs, so a mistake here opens nothing.

/// The schema that stands for `information_schema`.
pub const INFORMATION: &str = "rfe_information_schema";
/// The catalog as users see it.
pub const CATALOG: &str = "rfe";

// DuckDB's lexer takes time that grows with the square of nested comments and the cube of a run of operator signs.
const MAX_COMMENT_DEPTH: usize = 8;
const MAX_OPERATOR: usize = 32;
const OPERATOR_SIGNS: &str = "~!@#^&|`?+-*/%<>=";

const SCHEMAS: [&str; 4] = ["main", "raw", "meta", "information_schema"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Quoted,
    Dot,
    Blank,
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

impl Token<'_> {
    fn is(&self, name: &str) -> bool {
        match self.kind {
            Kind::Word => self.text.eq_ignore_ascii_case(name),
            Kind::Quoted => self.text.trim_matches('"').eq_ignore_ascii_case(name),
            _ => false,
        }
    }
}

/// What the parser would take minutes over, if there is any.
pub fn too_slow(sql: &str) -> Option<&'static str> {
    let mut signs = 0;
    for token in tokens(sql) {
        if token.kind == Kind::Blank && token.text.matches("/*").count() > MAX_COMMENT_DEPTH {
            return Some("a comment holds too many others");
        }
        let sign = token.kind == Kind::Other && token.text.chars().all(|c| OPERATOR_SIGNS.contains(c));
        signs = if sign { signs + 1 } else { 0 };
        if signs > MAX_OPERATOR {
            return Some("an operator has too many signs");
        }
    }
    None
}

/// Takes `rfe.` away before a schema and leads `information_schema.` to ours.
pub fn names(sql: &str) -> String {
    let tokens = tokens(sql);
    let mut out = String::with_capacity(sql.len());
    let mut at = 0;
    while at < tokens.len() {
        let after_dot = at > 0 && tokens[at - 1].kind == Kind::Dot;
        let followed = |by: usize| tokens.get(at + by).is_some_and(|token| token.kind == Kind::Dot);
        let schema =
            |by: usize| tokens.get(at + by).is_some_and(|token| SCHEMAS.iter().any(|name| token.is(name)));
        if !after_dot && tokens[at].is(CATALOG) && followed(1) && schema(2) && followed(3) {
            at += 2;
        }
        if (!after_dot || at > 1)
            && tokens[at].is("information_schema")
            && tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Dot)
        {
            out.push_str(INFORMATION);
        } else {
            out.push_str(tokens[at].text);
        }
        at += 1;
    }
    out
}

/// Splits EXPLAIN or EXPLAIN ANALYZE off; the rest is gated by itself.
pub fn explain(sql: &str) -> (&'static str, &str) {
    let Some(rest) = keyword(sql, "explain") else { return ("", sql) };
    match keyword(rest, "analyze") {
        Some(rest) => ("EXPLAIN ANALYZE ", rest),
        None => ("EXPLAIN ", rest),
    }
}

/// True if the first thing that is no comment is an opening bracket.
pub fn begins_with_bracket(sql: &str) -> bool {
    tokens(sql)
        .iter()
        .find(|token| token.kind != Kind::Blank)
        .is_some_and(|token| token.text.starts_with('('))
}

fn keyword<'a>(sql: &'a str, word: &str) -> Option<&'a str> {
    let mut used = 0;
    for token in tokens(sql) {
        used += token.text.len();
        match token.kind {
            Kind::Blank => {}
            Kind::Word if token.is(word) => return Some(&sql[used..]),
            _ => return None,
        }
    }
    None
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while !rest.is_empty() {
        let (kind, length) = token(rest);
        let (text, after) = rest.split_at(length);
        tokens.push(Token { kind, text });
        rest = after;
    }
    tokens
}

fn token(rest: &str) -> (Kind, usize) {
    let first = rest.chars().next().unwrap_or_default();
    if first.is_whitespace() {
        return (Kind::Blank, first.len_utf8());
    }
    if rest.starts_with("--") {
        return (Kind::Blank, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Blank, block_comment(rest));
    }
    match first {
        '\'' => (Kind::Other, quoted(rest, '\'', false)),
        '"' => (Kind::Quoted, quoted(rest, '"', false)),
        'e' | 'E' if rest[1..].starts_with('\'') => (Kind::Other, 1 + quoted(&rest[1..], '\'', true)),
        '$' => (Kind::Other, dollar(rest)),
        '.' => (Kind::Dot, 1),
        c if c.is_ascii_digit() => {
            (Kind::Other, rest.find(|c: char| !is_word(c) && c != '.').unwrap_or(rest.len()))
        }
        c if is_word(c) => (Kind::Word, rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())),
        c => (Kind::Other, c.len_utf8()),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char, escapes: bool) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + 1;
            }
        }
    }
    rest.len()
}

// `$tag$ ... $tag$`; a lone `$1` or `$name` is a parameter.
fn dollar(rest: &str) -> usize {
    let Some(end) = rest[1..].find('$').map(|at| at + 2) else { return 1 };
    let tag = &rest[..end];
    if tag[1..tag.len() - 1].chars().any(|c| !is_word(c)) {
        return 1;
    }
    rest[end..].find(tag).map_or(rest.len(), |at| end + at + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_goes_only_where_it_is_one() {
        assert_eq!(names("FROM rfe.main.x"), "FROM main.x");
        assert_eq!(names(r#"FROM "rfe"."raw"."x" y"#), r#"FROM "raw"."x" y"#);
        assert_eq!(names("SELECT rfe.main.x.a FROM RFE.MAIN.x"), "SELECT main.x.a FROM MAIN.x");
        assert_eq!(names("SELECT rfe.a FROM x AS rfe"), "SELECT rfe.a FROM x AS rfe");
        assert_eq!(
            names("SELECT 'rfe.main.x', $$rfe.main.x$$ -- rfe.main.x"),
            "SELECT 'rfe.main.x', $$rfe.main.x$$ -- rfe.main.x"
        );
        assert_eq!(names("FROM rfe.information_schema.tables"), format!("FROM {INFORMATION}.tables"));
        assert_eq!(names("FROM information_schema.tables"), format!("FROM {INFORMATION}.tables"));
        assert_eq!(
            names("SELECT E'\\'rfe.main.x', 'it''s rfe.main.x'"),
            "SELECT E'\\'rfe.main.x', 'it''s rfe.main.x'"
        );
    }

    #[test]
    fn explain_comes_off_behind_comments() {
        assert_eq!(explain("/* x */ -- y\n explain SELECT 1"), ("EXPLAIN ", " SELECT 1"));
        assert_eq!(explain("EXPLAIN ANALYZE SELECT 1"), ("EXPLAIN ANALYZE ", " SELECT 1"));
        assert_eq!(explain("SELECT 1"), ("", "SELECT 1"));
        assert_eq!(explain("'explain' SELECT 1"), ("", "'explain' SELECT 1"));
    }

    #[test]
    fn what_the_parser_would_take_minutes_over_is_seen() {
        assert!(too_slow(&format!("SELECT {}1", "+".repeat(2000))).is_some());
        assert!(too_slow(&"/*".repeat(100)).is_some());
        assert!(
            too_slow("SELECT 'a' || 'b' /* x /* y */ */ -- ++++++++++++++++++++++++++++++++++++++++++")
                .is_none()
        );
        assert!(too_slow(&format!("SELECT '{}'", "+/*".repeat(1000))).is_none());
    }

    #[test]
    fn any_text_is_cut_into_tokens_that_make_it_again() {
        for text in ["", "$", "$a", "'", "\"", "/*", "é'ü", "E'", "$x$y", "1.e5.x", "a--", "$1+$2", "\u{a0}x"]
        {
            assert_eq!(tokens(text).iter().map(|token| token.text).collect::<String>(), text, "{text}");
        }
    }
}
