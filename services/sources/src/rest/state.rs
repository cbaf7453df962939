//! Where an incremental read stands: the greatest value so far, and the records around it that the next read will meet again.

use std::collections::{BTreeMap, HashMap};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{incremental::Rule, value::Value};
use crate::{
    ReadError,
    flaw::{Flaw, shortened},
};

/// Records of the overlap that are remembered. The cursor of a source travels with it, so it stays small.
const MOST: usize = 20_000;
/// Bytes of a record's mark, and characters of its text.
const MARK: usize = 12;
const MARK_TEXT: usize = 16;

/// A value of the cursor's field, and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cursor {
    pub(super) value: Value,
    pub(super) text: String,
    is_json_number: bool,
}

impl Cursor {
    pub(super) fn new(text: String, is_json_number: bool) -> Self {
        Self { value: Value::of(&text, is_json_number), text, is_json_number }
    }
}

/// What the registry keeps of a read, as text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    field: String,
    value: String,
    /// True if the records have it as a JSON number.
    #[serde(default)]
    number: bool,
    /// The marks of the records within the overlap, one behind the other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    seen: String,
}

/// A record's mark: equal ones are the same record.
type Mark = [u8; MARK];
/// Records by mark; equal ones are counted.
type Marks = HashMap<Mark, u32>;

/// Where the last committed read stood.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) cursor: Cursor,
    low: Value,
    seen: Marks,
}

impl Before {
    /// Reads what the registry kept; a plain text is a value that somebody wrote by hand.
    pub(super) fn read(rule: &Rule, text: &str) -> Result<Option<Self>, ReadError> {
        let kept = serde_json::from_str::<Kept>(text).unwrap_or_else(|_| Kept {
            field: rule.field().to_owned(),
            value: text.to_owned(),
            ..Kept::default()
        });
        if kept.field != rule.field() {
            if rule.merges {
                return Ok(None);
            }
            let reason = format!(
                "the source was read by `{}` until now; put that back, or give the source another name to begin anew",
                kept.field
            );
            return Err(rule.error(reason));
        }
        let cursor = Cursor::new(kept.value, kept.number);
        Ok(Some(Self { low: rule.low(&cursor)?, cursor, seen: marks(&kept.seen) }))
    }
}

/// Whether a record is new.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    New,
    /// An earlier run has it.
    Again,
    /// It can't be told.
    Flawed(Flaw),
}

/// Judges the records of a read, and remembers what the next one needs.
#[derive(Debug)]
pub(super) struct State {
    rule: Rule,
    before: Option<Before>,
    /// Of what was seen before, what has not come again yet.
    left: Marks,
    greatest: Option<Cursor>,
    low: Option<Value>,
    last: Option<Value>,
    ascends: bool,
    overlap: BTreeMap<Value, Vec<Mark>>,
    overlapping: usize,
    /// The greatest value whose records were forgotten, because there were too many.
    forgotten: Option<Value>,
}

impl State {
    pub(super) fn new(rule: Rule, before: Option<Before>) -> Self {
        Self {
            rule,
            left: before.as_ref().map(|before| before.seen.clone()).unwrap_or_default(),
            greatest: before.as_ref().map(|before| before.cursor.clone()),
            low: before.as_ref().map(|before| before.low.clone()),
            before,
            last: None,
            ascends: true,
            overlap: BTreeMap::new(),
            overlapping: 0,
            forgotten: None,
        }
    }

    /// Judges a record.
    pub(super) fn judge(&mut self, record: &str) -> Result<Verdict, ReadError> {
        let cursor = match self.rule.value(record) {
            Ok(Some(cursor)) => cursor,
            Ok(None) => return Ok(Verdict::New),
            Err(flaw) => return Ok(Verdict::Flawed(flaw)),
        };
        let value = cursor.value.clone();
        self.note(cursor)?;
        if self.rule.merges {
            return Ok(Verdict::New);
        }
        if self.low.as_ref().is_none_or(|low| value >= *low) {
            self.remember(value.clone(), mark(record));
        }
        Ok(self.verdict(&value, record))
    }

    fn note(&mut self, cursor: Cursor) -> Result<(), ReadError> {
        if let Some(greatest) = &self.greatest
            && !greatest.value.is_like(&cursor.value)
        {
            let (a, b) = (shortened(&greatest.text), shortened(&cursor.text));
            let kinds = (greatest.value.kind(), cursor.value.kind());
            return Err(self.rule.error(format!(
                "it is of the kind {} (`{a}`) in one record and {} (`{b}`) in another, and these have no order",
                kinds.0, kinds.1
            )));
        }
        self.ascends &= self.last.as_ref().is_none_or(|last| *last <= cursor.value);
        self.last = Some(cursor.value.clone());
        if self.greatest.as_ref().is_none_or(|greatest| greatest.value < cursor.value) {
            let low = self.rule.low(&cursor)?;
            self.overlap = self.overlap.split_off(&low);
            self.overlapping = self.overlap.values().map(Vec::len).sum();
            self.low = Some(low);
            self.greatest = Some(cursor);
        }
        Ok(())
    }

    fn remember(&mut self, value: Value, mark: Mark) {
        self.overlap.entry(value).or_default().push(mark);
        self.overlapping += 1;
        while self.overlapping > MOST
            && let Some((value, marks)) = self.overlap.pop_first()
        {
            self.overlapping -= marks.len();
            self.forgotten = self.forgotten.take().max(Some(value));
        }
    }

    fn verdict(&mut self, value: &Value, record: &str) -> Verdict {
        let Some(before) = &self.before else { return Verdict::New };
        if *value < before.low {
            return Verdict::Again;
        }
        if *value > before.cursor.value {
            return Verdict::New;
        }
        match self.left.get_mut(&mark(record)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Verdict::Again
            }
            _ => Verdict::New,
        }
    }

    /// True if each record's value was at least that of the one before.
    pub(super) fn ascends(&self) -> bool {
        self.ascends
    }

    /// What the registry keeps: `None` if nothing has changed.
    pub(super) fn kept(&self) -> Result<Option<String>, ReadError> {
        let Some(greatest) = &self.greatest else { return Ok(None) };
        if let (Some(forgotten), Some(low)) = (&self.forgotten, &self.low)
            && forgotten >= low
        {
            return Err(self.rule.error(format!(
                "more than {MOST} records lie within the overlap with the next read, too many to remember; a shorter `lag`, a \
                 finer field, or mode merge with a key needs less"
            )));
        }
        let mut seen = Marks::new();
        for mark in self.overlap.values().flatten() {
            *seen.entry(*mark).or_default() += 1;
        }
        if let Some(before) = &self.before
            && before.cursor.value == greatest.value
        {
            let was = seen.len();
            for (mark, count) in &before.seen {
                let now = seen.entry(*mark).or_default();
                *now = (*now).max(*count);
            }
            if was == 0 || seen == before.seen {
                return Ok(None);
            }
        }
        let kept = Kept {
            field: self.rule.field().to_owned(),
            value: greatest.text.clone(),
            number: greatest.is_json_number,
            seen: text(&seen),
        };
        serde_json::to_string(&kept).map(Some).map_err(|error| self.rule.error(error))
    }
}

fn mark(record: &str) -> Mark {
    let mut mark = Mark::default();
    mark.copy_from_slice(&Sha256::digest(record.as_bytes())[..MARK]);
    mark
}

fn text(marks: &Marks) -> String {
    let all = marks.iter().flat_map(|(mark, count)| std::iter::repeat_n(mark, *count as usize));
    let mut texts: Vec<String> = all.map(|mark| STANDARD_NO_PAD.encode(mark)).collect();
    texts.sort_unstable();
    texts.concat()
}

fn marks(text: &str) -> Marks {
    let mut marks = Marks::new();
    for start in (0..text.len()).step_by(MARK_TEXT) {
        let mark = text.get(start..start + MARK_TEXT).and_then(|mark| STANDARD_NO_PAD.decode(mark).ok());
        if let Some(mark) = mark.and_then(|mark| Mark::try_from(mark).ok()) {
            *marks.entry(mark).or_default() += 1;
        }
    }
    marks
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
