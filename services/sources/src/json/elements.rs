//! Cuts the items out of a JSON list without reading it whole.

/// What stands at the beginning of bytes within a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// An item, and where the bytes go on behind it. What is within it is not checked.
    Item { start: usize, end: usize },
    /// The list ends; the bytes go on here.
    End(usize),
    /// It goes on behind the bytes at hand.
    Beyond,
    /// No list is written so, from here on.
    Broken { at: usize, reason: &'static str },
}

/// Finds the next item. `is_first`: no comma stands before it.
pub(super) fn element(bytes: &[u8], is_first: bool, is_all: bool) -> Element {
    let broken = |at, reason| Element::Broken { at, reason };
    let missing = |at| if is_all { broken(at, "the file ends within the list") } else { Element::Beyond };
    let mut at = blank(bytes, 0);
    match bytes.get(at) {
        None => return missing(at),
        Some(b']') => return Element::End(at + 1),
        Some(b',') if !is_first => at = blank(bytes, at + 1),
        Some(_) if is_first => {}
        Some(_) => return broken(at, "a comma is missing between two items"),
    }
    let start = at;
    let Some(end) = item_end(bytes, start) else { return missing(start) };
    let trimmed = bytes[start..end].trim_ascii_end().len();
    if trimmed == 0 {
        return broken(start, "an item is missing behind a comma");
    }
    Element::Item { start, end: start + trimmed }
}

// The comma or bracket behind the item that begins at `at`.
fn item_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => at = string_end(bytes, at + 1)?,
            b'{' | b'[' => depth += 1,
            b',' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
}

/// Where the value that begins `bytes` ends; `None` if it goes on behind them. What is within it is not checked.
pub(super) fn value_end(bytes: &[u8], is_all: bool) -> Option<usize> {
    if !matches!(bytes.first()?, b'{' | b'[') {
        let end = bytes.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'{' | b'['));
        return end.or(is_all.then_some(bytes.len()));
    }
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
        match bytes[at] {
            b'"' => at = string_end(bytes, at + 1)?,
            b'{' | b'[' => depth += 1,
            _ if depth == 1 => return Some(at + 1),
            _ => depth -= 1,
        }
        at += 1;
    }
}

/// The closing quote of the string whose text begins at `at`; `None` if it is not among the bytes.
pub(super) fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

fn blank(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Result<Vec<&str>, &'static str> {
        let mut rest = text.strip_prefix('[').expect("a list");
        let mut items = Vec::new();
        loop {
            match element(rest.as_bytes(), items.is_empty(), true) {
                Element::Item { start, end } => {
                    items.push(&rest[start..end]);
                    rest = &rest[end..];
                }
                Element::End(_) => return Ok(items),
                Element::Beyond => return Err("beyond"),
                Element::Broken { reason, .. } => return Err(reason),
            }
        }
    }

    #[test]
    fn items_keep_their_exact_text() {
        assert_eq!(
            items(r#"[ {"a": "],\"" , "b":[1,{}]} ,5, "x,y" ]"#),
            Ok(vec![r#"{"a": "],\"" , "b":[1,{}]}"#, "5", "\"x,y\""])
        );
        assert_eq!(items("[]"), Ok(vec![]));
    }

    #[test]
    fn broken_lists_are_told() {
        for text in ["[1", "[1,", "[1,]", "[1,,2]", "[\"a", "[{", "[{} {}"] {
            assert!(items(text).is_err() || text == "[{} {}", "{text}");
        }
    }

    #[test]
    fn an_item_is_the_same_however_many_bytes_are_at_hand() {
        let text = br#" {"a":"x\\\"y,]","b":[1,2]} , 3]"#;
        let whole = element(text, true, true);
        for cut in 0..text.len() {
            let part = element(&text[..cut], true, false);
            assert!(part == Element::Beyond || part == whole, "{cut}");
        }
    }
}
