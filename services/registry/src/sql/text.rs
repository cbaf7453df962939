//! How texts stand in columns. Postgres holds no NUL in a text, and an id, a key or a message may have one; so it is written in
//! another way, in both databases alike. Every text that comes from outside goes in through [`stored`] and out through [`plain`].

use std::borrow::Cow;

/// Begins two characters that stand for one.
const MARK: char = '\u{2400}';
const NUL: char = '0';

/// A text as it stands in a column: NUL is `␀0`, and `␀` is `␀␀`. All others are as they were; different texts stay different.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', MARK]) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => written.extend([MARK, NUL]),
            MARK => written.extend([MARK, MARK]),
            other => written.push(other),
        }
    }
    Cow::Owned(written)
}

/// The text that stands in a column. What an earlier version wrote with a lone mark stays as it is.
pub(super) fn plain(written: String) -> String {
    if !written.contains(MARK) {
        return written;
    }
    let mut text = String::with_capacity(written.len());
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        let meant = match (character, characters.peek()) {
            (MARK, Some(&NUL)) => '\0',
            (MARK, Some(&MARK)) => MARK,
            (other, _) => {
                text.push(other);
                continue;
            }
        };
        characters.next();
        text.push(meant);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_no_two_become_one() {
        let texts = [
            "", "plain", "\0", "\0\0", "␀", "␀0", "␀␀", "␀\0", "\0␀", "␀␀0", "a\0b", "a␀0b", "0", "ab", "é␀",
        ];
        let written: Vec<String> = texts.iter().map(|text| stored(text).into_owned()).collect();
        for (text, written) in texts.iter().zip(&written) {
            assert!(!written.contains('\0'), "{written:?}");
            assert_eq!(plain(written.clone()), *text);
        }
        let different: std::collections::HashSet<&String> = written.iter().collect();
        assert_eq!(different.len(), texts.len());
    }

    #[test]
    fn a_lone_mark_stays() {
        assert_eq!(plain("a␀b␀".to_owned()), "a␀b␀");
    }
}
