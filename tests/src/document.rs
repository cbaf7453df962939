//! Documents of the house in Markdown, and the blocks in them that people paste.

use std::{fs, path::Path};

const FENCE: &str = "```";

/// A document, or a part of one.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    text: String,
}

// === impl Document ===

impl Document {
    /// Reads one, by its path below the root of the checkout.
    ///
    /// # Panics
    /// If it can't be read.
    pub fn read(path: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { name: path.to_owned(), text }
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A heading and what stands below it, up to the next heading of its level or of a higher one.
    ///
    /// # Panics
    /// If there is no such heading.
    pub fn section(&self, heading: &str) -> Self {
        let (mut fenced, mut below, mut text) = (false, None::<usize>, String::new());
        for line in self.text.lines() {
            fenced ^= line.starts_with(FENCE);
            let level = if fenced { 0 } else { level_of(line) };
            if level > 0 && below.is_some_and(|below| level <= below) {
                break;
            }
            if level > 0 && below.is_none() && line[level..].trim() == heading {
                below = Some(level);
            }
            if below.is_some() {
                text.push_str(line);
                text.push('\n');
            }
        }
        assert!(below.is_some(), "{} has no heading `{heading}`", self.name);
        Self { name: format!("{}, {heading}", self.name), text }
    }

    /// Its blocks of a language, in order.
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let opening = format!("{FENCE}{language}\n");
        let closing = format!("\n{FENCE}");
        let behind = self.text.split(&opening).skip(1);
        behind.filter_map(|rest| rest.split_once(&closing)).map(|(block, _)| format!("{block}\n")).collect()
    }
}

/// The level of a heading; 0 of any other line.
fn level_of(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b'#').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A\n```sh\n# no heading\none\n```\n## B\n```yaml\n- 1\n```\n### C\n```sh\ntwo\n```\n## D\n```sh\nthree\n```\n";

    fn document() -> Document {
        Document { name: "a test".to_owned(), text: TEXT.to_owned() }
    }

    #[test]
    fn a_section_holds_what_stands_below_its_heading() {
        assert_eq!(document().section("B").blocks("sh"), ["two\n"]);
        assert_eq!(document().section("D").blocks("sh"), ["three\n"]);
    }

    #[test]
    fn blocks_are_told_apart_by_their_language() {
        assert_eq!(document().blocks("sh"), ["# no heading\none\n", "two\n", "three\n"]);
        assert_eq!(document().blocks("yaml"), ["- 1\n"]);
    }
}
