//! `sources.yaml`: entries ready to send, and mistakes with their places.

use std::{collections::HashMap, path::Path};

use rfe_client::{Violation, metadata as pb};
use rfe_model::name::nearest;
use serde_json::Value as Json;

use crate::{
    entry, paths,
    yaml::{Document, Mistake, Place},
};

const KEYS: [&str; 2] = ["version", "sources"];

/// What a file says.
#[derive(Debug)]
pub(crate) struct Manifest {
    file: String,
    document: Document,
    /// Entries without a mistake, with their number in the file.
    entries: Vec<(usize, pb::Source)>,
    mistakes: Vec<Mistake>,
}

impl Manifest {
    /// Reads a text. `file` is how mistakes name it, `folder` what its relative paths start from.
    pub(crate) fn read(file: &str, text: &str, folder: &Path) -> Self {
        let document = Document::read(text);
        let mut manifest = Self {
            file: file.to_owned(),
            mistakes: document.mistakes.clone(),
            document,
            entries: Vec::new(),
        };
        let syntax_is_wrong = manifest.document.value.is_null() && manifest.is_wrong();
        if !syntax_is_wrong {
            manifest.read_root(folder);
        }
        manifest
    }

    /// The sources that have no mistake.
    pub(crate) fn sources(&self) -> Vec<pb::Source> {
        self.entries.iter().map(|(_, source)| source.clone()).collect()
    }

    pub(crate) fn is_wrong(&self) -> bool {
        !self.mistakes.is_empty()
    }

    /// Adds what the server found in [`Self::sources`], whose numbers are not those of the file where entries were left out.
    pub(crate) fn add_server_side(&mut self, violations: &[Violation]) {
        for violation in violations {
            let path = self.path_in_file(&violation.path);
            self.add(Violation::new(path, &violation.reason));
        }
    }

    /// Every mistake as `file:line:column: path: reason`, in the order of the file.
    pub(crate) fn lines(mut self) -> Vec<String> {
        self.mistakes.sort_by_key(|mistake| mistake.place);
        self.mistakes.dedup();
        let file = self.file;
        let lines =
            self.mistakes.into_iter().map(|Mistake { place: Place { line, column }, path, reason }| {
                let path = if path.is_empty() { path } else { format!("{path}: ") };
                format!("{file}:{line}:{column}: {path}{reason}")
            });
        lines.collect()
    }

    fn read_root(&mut self, folder: &Path) {
        let Json::Object(root) = self.document.value.take() else {
            self.add(Violation::new("", "is no sources file; write `version: 1` and `sources:` with a list"));
            return;
        };
        self.check_keys(&root);
        self.check_version(root.get("version"));
        match root.get("sources") {
            Some(Json::Array(entries)) => self.read_entries(entries, folder),
            Some(Json::Null) => {
                self.add(Violation::new("sources", "has no value; write `[]` for no sources"))
            }
            Some(_) => self.add(Violation::new("sources", "is no list; write each source with `- name: …`")),
            None => self.add(Violation::new("", "the key `sources` is missing")),
        }
    }

    fn check_keys(&mut self, root: &serde_json::Map<String, Json>) {
        for key in root.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let reason = match nearest(key, KEYS) {
                Some(nearest) => format!("unknown key `{key}`; did you mean `{nearest}`?"),
                None => format!("unknown key `{key}`; the keys are {}", KEYS.join(", ")),
            };
            self.add(Violation::new(key, reason));
        }
    }

    fn check_version(&mut self, version: Option<&Json>) {
        match version {
            Some(version) if *version == 1 => {}
            Some(version) => {
                self.add(Violation::new(
                    "version",
                    format!("`{version}` is unknown; this rfe reads version 1"),
                ));
            }
            None => self.add(Violation::new("", "the key `version` is missing; write `version: 1`")),
        }
    }

    fn read_entries(&mut self, entries: &[Json], folder: &Path) {
        let mut names = HashMap::new();
        for (index, written) in entries.iter().enumerate() {
            let at = format!("sources[{index}]");
            if let Some(name) = written.get("name").and_then(Json::as_str)
                && let Some(first) = names.insert(name.to_owned(), index)
            {
                let line = self.document.place(&format!("sources[{first}].name")).line;
                let reason = format!("the name `{name}` is taken by the source on line {line}");
                self.add(Violation::new("name", reason).below(&at));
                continue;
            }
            let mut written = written.clone();
            if let Some(config) = written.get_mut("config") {
                paths::make_absolute(config, folder);
            }
            match entry::read(&written) {
                Ok(spec) => self.entries.push((index, pb::Source::from(&spec))),
                Err(wrong) => wrong.into_iter().for_each(|one| self.add(one.below(&at))),
            }
        }
    }

    fn path_in_file(&self, path: &str) -> String {
        let number = path.strip_prefix("sources[").and_then(|rest| rest.split_once(']'));
        let entry = number.and_then(|(number, rest)| {
            let (index, _) = self.entries.get(number.parse::<usize>().ok()?)?;
            Some(format!("sources[{index}]{rest}"))
        });
        entry.unwrap_or_else(|| path.to_owned())
    }

    fn add(&mut self, violation: Violation) {
        let place = self.document.place(&violation.path);
        self.mistakes.push(Mistake { place, path: violation.path, reason: violation.reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        Manifest::read("sources.yaml", text, Path::new("/f")).lines()
    }

    #[test]
    fn all_mistakes_are_located_in_the_order_of_the_file() {
        let text = "\
version: 2
source: []
sources:
  - name: a
    kind: csv
    config: {location: x.csv}
  - name: B
    kind: csv
    retry:
      atempts: 3
    columns: {x: NUMBERISH}
  - kind: rest
    schema_policy: sometimes
  - name: a
    kind: csv
";
        let found = lines(text);
        let starts = [
            "sources.yaml:1:1: version: `2` is unknown",
            "sources.yaml:2:1: source: unknown key `source`; did you mean `sources`?",
            "sources.yaml:7:5: sources[1].name: `B` is no name",
            "sources.yaml:10:7: sources[1].retry.atempts: unknown key `atempts`; did you mean `attempts`?",
            "sources.yaml:11:15: sources[1].columns.x: ",
            "sources.yaml:12:5: sources[2]: the key `name` is missing",
            "sources.yaml:13:5: sources[2].schema_policy: ",
            "sources.yaml:14:5: sources[3].name: the name `a` is taken by the source on line 4",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (line, start) in found.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}\n{start}");
        }
    }

    #[test]
    fn what_the_server_finds_is_located_in_the_file() {
        let text = "version: 1\nsources:\n- kind: csv\n- name: b\n  kind: rest\n  config:\n    urll: x\n";
        let mut manifest = Manifest::read("s.yaml", text, Path::new("/f"));
        assert_eq!(manifest.sources().len(), 1);
        manifest.add_server_side(&[
            Violation::new("sources[0].config.urll", "unknown key `urll`; did you mean `url`?"),
            Violation::new("sources[0].config", "the key `url` is missing"),
        ]);
        assert_eq!(
            manifest.lines()[1..],
            [
                "s.yaml:6:3: sources[1].config: the key `url` is missing",
                "s.yaml:7:5: sources[1].config.urll: unknown key `urll`; did you mean `url`?",
            ]
        );
    }

    #[test]
    fn a_file_that_is_none_says_so_once() {
        for text in ["", "- a\n", "just text\n"] {
            assert_eq!(lines(text).len(), 1, "{text:?}: {:?}", lines(text));
        }
        assert_eq!(lines("a: [1\n").len(), 1);
        assert_eq!(
            lines("version: 1\nsources:\n"),
            ["sources.yaml:2:1: sources: has no value; write `[]` for no sources"]
        );
        assert_eq!(lines("version: 1\nsources: []\n"), [] as [&str; 0]);
    }

    #[test]
    fn a_right_file_becomes_sources_with_absolute_paths() {
        let text = "version: 1\nsources:\n- name: a\n  kind: csv\n  config: {location: d/*.csv}\n";
        let manifest = Manifest::read("s.yaml", text, Path::new("/f"));
        assert!(!manifest.is_wrong());
        let sources = manifest.sources();
        let config = rfe_model::structure::from_struct(sources[0].config.as_ref().expect("config"));
        assert_eq!(config["location"], "/f/d/*.csv");
    }
}
