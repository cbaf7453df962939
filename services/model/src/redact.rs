//! Hides what looks like a secret in what people are shown. Nothing that is stored or replayed goes through here.

use std::borrow::Cow;

/// What stands in a secret's place.
pub const HIDDEN: &str = "***";

// A name without separators that holds one of these names a secret.
const WORDS: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "signature",
    "hmac",
];
// These do only as a word of their own: `author` is none.
const WHOLE_WORDS: [&str; 5] = ["auth", "pwd", "pass", "jwt", "bearer"];
const LONGEST_KEY: usize = 256;
const SCHEMES: [&str; 3] = ["bearer", "basic", "digest"];

/// True if a key, header or column of this name may hold a secret, such as `X-Api-Key`, `accessToken` or `password`.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    WORDS.iter().any(|word| plain.contains(word))
        || words(name).any(|word| WHOLE_WORDS.contains(&word.as_str()))
}

// `X-AuthUser_id` is x, auth, user, id.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (was_lower && c.is_uppercase()) {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.push(word);
    words.into_iter()
}

/// A text with the values of secret names hidden: JSON, also broken or escaped JSON, forms, headers, URLs. Whatever else it
/// says stays as it is. Borrowed if nothing is hidden.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        match secret_at(text, at) {
            Step::Hide(from, to) => {
                out.push_str(&text[copied..from]);
                out.push_str(HIDDEN);
                (copied, at) = (to, to);
            }
            Step::Go(to) => at = to,
        }
    }
    if copied == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

enum Step {
    /// Hide from here to there.
    Hide(usize, usize),
    /// Nothing; go on there.
    Go(usize),
}

// Looks at what begins at a place: a quoted key, a bare word, or anything else.
fn secret_at(text: &str, at: usize) -> Step {
    let bytes = text.as_bytes();
    if bytes[at] == b'"' {
        return quoted_key(text, at).unwrap_or(Step::Go(at + 1));
    }
    let end = at + bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
    if end == at {
        return Step::Go(at + text[at..].chars().next().map_or(1, char::len_utf8));
    }
    let word = &text[at..end];
    if SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme)) && bytes.get(end) == Some(&b' ') {
        let from = end + 1;
        let to = from + bytes[from..].iter().take_while(|byte| is_of_token(**byte)).count();
        // `Basic information` is prose.
        if to - from >= 8 && bytes[from..to].iter().any(u8::is_ascii_digit) {
            return Step::Hide(from, to);
        }
    }
    if !is_secret_name(word) {
        return Step::Go(end);
    }
    match value_behind(text, end) {
        Some((from, to)) if to > from => Step::Hide(from, to),
        _ => Step::Go(end),
    }
}

// A key of JSON may be written with escapes or blanks. Only so far is looked for its end that no text takes long.
fn quoted_key(text: &str, at: usize) -> Option<Step> {
    let ahead = &text.as_bytes()[at + 1..];
    let end = at + 1 + closing(&ahead[..ahead.len().min(LONGEST_KEY)], 0)?;
    let key: String = serde_json::from_str(&text[at..=end]).ok()?;
    let is_key = text[end + 1..].trim_start().starts_with(':');
    if !is_key || !is_secret_name(&key) {
        return None;
    }
    let (from, to) = value_behind(text, end + 1)?;
    Some(if to > from { Step::Hide(from, to) } else { Step::Go(end + 1) })
}

// The value behind a key: after `:` or `=`, with or without quotes, within JSON within JSON as well.
fn value_behind(text: &str, key_end: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let skip = |mut at: usize, of: &[u8]| {
        while bytes.get(at).is_some_and(|byte| of.contains(byte)) {
            at += 1;
        }
        at
    };
    let sign = skip(key_end, b"\\\"' \t");
    let is_form = match bytes.get(sign)? {
        b'=' => true,
        b':' => false,
        _ => return None,
    };
    let start = skip(sign + 1, b" \t\r\n");
    let opening = skip(start, b"\\");
    match bytes.get(opening) {
        Some(b'"') => {
            let escapes = opening - start;
            let length = closing(&bytes[opening + 1..], escapes).unwrap_or(bytes.len() - opening - 1);
            Some((opening + 1, opening + 1 + length))
        }
        Some(b'{' | b'[') => Some((opening, opening + nested(&bytes[opening..]))),
        _ => {
            let ends: &[u8] = if is_form { b"&;,\"'\\ \t\r\n<>" } else { b"&;,\"'\\}]\r\n<>" };
            let length = bytes[start..].iter().take_while(|byte| !ends.contains(byte)).count();
            let plain = text[start..start + length].trim_end();
            Some((start, start + if plain == "null" { 0 } else { plain.len() }))
        }
    }
}

// Where the quote stands that closes a text opened by a quote behind so many backslashes.
fn closing(bytes: &[u8], escapes: usize) -> Option<usize> {
    let mut backslashes = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\\' => backslashes += 1,
            b'"' if backslashes <= escapes || (escapes == 0 && backslashes % 2 == 0) => {
                return Some(at - backslashes.min(escapes));
            }
            _ => backslashes = 0,
        }
    }
    None
}

// The length of a nested value, to the end if it never closes.
fn nested(bytes: &[u8]) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b',' | b'\\' | b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "password",
            "PASSWORD",
            "db_password",
            "X-Api-Key",
            "apiKey",
            "api key",
            "access_token",
            "accessToken",
            "Authorization",
            "Set-Cookie",
            "client_secret",
            "privateKey",
            "x-auth-user",
            "pwd",
            "X-Hub-Signature-256",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            ["id", "author", "key", "primary_key", "passenger", "compass", "name", "total", "session_count"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_hidden_and_all_else_stays_to_the_letter() {
        for (given, shown) in [
            (r#"{"b":1.50,  "password":"hunter2","a":"x"}"#, r#"{"b":1.50,  "password":"***","a":"x"}"#),
            (r#"{"token" : 12345, "n": 1}"#, r#"{"token" : ***, "n": 1}"#),
            (r#"{"password":"a\"b,c","n":1}"#, r#"{"password":"***","n":1}"#),
            (r#"{"password":"ends with \\","n":1}"#, r#"{"password":"***","n":1}"#),
            (r#"{"secrets":{"a":["}",1]},"n":1}"#, r#"{"secrets":***,"n":1}"#),
            (r#"{"pass\u0077ord":"x","n":1}"#, r#"{"pass\u0077ord":"***","n":1}"#),
            (r#"{"API key":"x"}"#, r#"{"API key":"***"}"#),
            (r#"{"body":"{\"api_key\":\"x y\",\"n\":1}"}"#, r#"{"body":"{\"api_key\":\"***\",\"n\":1}"}"#),
            (r#"{"n":1,"password":"never closed"#, r#"{"n":1,"password":"***"#),
            ("user=a&password=b&n=1", "user=a&password=***&n=1"),
            ("https://h/p?api_key=abc&x=1", "https://h/p?api_key=***&x=1"),
            ("Authorization: Bearer abc.def.ghi\nHost: h", "Authorization: ***\nHost: h"),
            (r#"{"h":"Bearer abcd3fgh.ij"}"#, r#"{"h":"Bearer ***"}"#),
        ] {
            assert_eq!(text(given), shown);
        }
    }

    #[test]
    fn what_holds_no_secret_is_the_same_text() {
        for given in [
            "",
            r#"{"total":"many","author":"b","key":1}"#,
            "1;2;3",
            r#"{"password":null}"#,
            "the password is wrong",
            "Basic information",
            "ä\"ö",
            "\"",
            "{\"password\"",
            "token:",
        ] {
            assert!(matches!(text(given), Cow::Borrowed(same) if same == given), "{given}: {}", text(given));
        }
    }

    #[test]
    fn a_text_made_to_take_long_does_not() {
        let began = std::time::Instant::now();
        for given in ["\\\"", "\"", "\"password\":", "password ", "{\"token\":[", "a=\\"] {
            let long = given.repeat((1 << 20) / given.len());
            assert!(!text(&long).is_empty());
        }
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(given in "[\\PC\\\\\"{}:=a]{0,60}") {
            let _any_text = text(&given);
        }

        #[test]
        fn a_value_of_a_secret_key_never_shows(value in "[A-Z0-9]{12,20}", before in "[a-z]{1,8}") {
            let given = serde_json::json!({before: 1, "client_secret": value}).to_string();
            proptest::prop_assert!(!text(&given).contains(&value));
        }
    }
}
