//! Rows gathered into row groups: chunks come in the sizes of their source, and files want groups of one size.

use std::collections::{HashSet, VecDeque};

use polars::prelude::{Column, DataFrame, PlSmallStr, PolarsResult};

/// One column of `main` on its way, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub name: PlSmallStr,
    pub values: Column,
    /// The column of `raw` that holds the same values.
    pub in_raw: Option<PlSmallStr>,
}

/// Rows in both layers; one of them may have no columns.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub raw: DataFrame,
    pub fields: Vec<Field>,
    pub height: usize,
}

impl Rows {
    fn slice(&self, first: usize, rows: usize) -> Self {
        let fields = self
            .fields
            .iter()
            .map(|field| Field { values: field.values.slice(first as i64, rows), ..field.clone() });
        Self { raw: self.raw.slice(first as i64, rows), fields: fields.collect(), height: rows }
    }

    fn bytes(&self) -> usize {
        let own = self.fields.iter().filter(|field| field.in_raw.is_none());
        // Polars leaves out what each short text takes in its column.
        let texts = 16 * self.height * (self.raw.width() + own.clone().count());
        self.raw.estimated_size()
            + own.map(|field| field.values.as_materialized_series().estimated_size()).sum::<usize>()
            + texts
    }

    // Rows of one group have the same columns of raw, and one type a field; a field that some lack is NULL there.
    fn fits(&self, other: &Self) -> bool {
        let raw = self.raw.schema() == other.raw.schema();
        let field = |(place, field): (usize, &Field)| {
            let same = other.field(place, &field.name);
            same.is_none_or(|of| of.values.dtype() == field.values.dtype() && of.in_raw == field.in_raw)
        };
        raw && self.fields.iter().enumerate().all(field)
    }

    // Most rows of a run have the same columns in the same places.
    fn field(&self, place: usize, name: &PlSmallStr) -> Option<&Field> {
        let here = self.fields.get(place).filter(|field| field.name == *name);
        here.or_else(|| self.fields.iter().find(|field| field.name == *name))
    }
}

/// Rows that wait for their group to be full.
#[derive(Debug)]
pub(crate) struct Gather {
    group_rows: usize,
    group_bytes: usize,
    pending: VecDeque<Rows>,
    rows: usize,
    bytes: usize,
}

impl Gather {
    /// Groups end after so many rows or bytes.
    pub fn new(group_rows: usize, group_bytes: usize) -> Self {
        Self { group_rows: group_rows.max(1), group_bytes, pending: VecDeque::new(), rows: 0, bytes: 0 }
    }

    /// Adds rows and gives the groups that are full.
    pub fn push(&mut self, rows: Rows) -> PolarsResult<Vec<Rows>> {
        let mut full = Vec::new();
        if self.pending.front().is_some_and(|first| !rows.fits(first)) {
            full.extend(self.rest()?);
        }
        self.rows += rows.height;
        self.bytes += rows.bytes();
        self.pending.push_back(rows);
        while self.rows >= self.group_rows {
            full.push(self.take(self.group_rows)?);
        }
        if self.bytes >= self.group_bytes {
            full.extend(self.rest()?);
        }
        Ok(full)
    }

    /// The rows that wait, as a last group.
    pub fn rest(&mut self) -> PolarsResult<Option<Rows>> {
        if self.rows == 0 {
            self.pending.clear();
            return Ok(None);
        }
        self.take(self.rows).map(Some)
    }

    fn take(&mut self, rows: usize) -> PolarsResult<Rows> {
        let mut taken = Vec::new();
        let mut wanted = rows;
        while let Some(next) = self.pending.pop_front() {
            if next.height <= wanted {
                wanted -= next.height;
                taken.push(next);
            } else {
                taken.push(next.slice(0, wanted));
                self.pending.push_front(next.slice(wanted, next.height - wanted));
                wanted = 0;
            }
            if wanted == 0 {
                break;
            }
        }
        self.bytes = self.bytes.saturating_sub(self.bytes / self.rows.max(1) * rows);
        self.rows -= rows;
        if self.rows == 0 {
            self.bytes = 0;
        }
        joined(taken, rows)
    }
}

fn joined(pieces: Vec<Rows>, height: usize) -> PolarsResult<Rows> {
    let mut fields: Vec<Field> = Vec::new();
    let mut seen = HashSet::new();
    for field in pieces.iter().flat_map(|piece| &piece.fields) {
        if seen.insert(field.name.clone()) {
            fields.push(Field { values: field.values.clear(), ..field.clone() });
        }
    }
    // A field that stands in raw is joined there.
    for (place, field) in fields.iter_mut().enumerate().filter(|(_, field)| field.in_raw.is_none()) {
        for piece in &pieces {
            match piece.field(place, &field.name) {
                Some(of) => field.values.append(&of.values)?,
                None => {
                    let nulls = Column::full_null(field.name.clone(), piece.height, field.values.dtype());
                    field.values.append(&nulls)?
                }
            };
        }
    }
    let mut pieces = pieces.into_iter();
    let mut raw = pieces.next().map(|piece| piece.raw).unwrap_or_default();
    for piece in pieces {
        if raw.width() > 0 {
            raw.vstack_mut_owned(piece.raw)?;
        }
    }
    raw.rechunk_mut_par();
    for field in &mut fields {
        if let Some(name) = &field.in_raw {
            field.values = raw.column(name)?.clone().with_name(field.name.clone());
        }
    }
    Ok(Rows { raw, fields, height })
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    fn rows(first: i64, count: i64, extra: bool) -> Rows {
        let raw = df!("n" => (first..first + count).collect::<Vec<_>>()).expect("frame");
        let n = Field { name: "n".into(), values: raw.columns()[0].clone(), in_raw: Some("n".into()) };
        let text: Vec<String> = (first..first + count).map(|n| format!("text {n}")).collect();
        let t = Field { name: "t".into(), values: Column::new("t".into(), text), in_raw: None };
        Rows {
            raw,
            fields: [Some(n), extra.then_some(t)].into_iter().flatten().collect(),
            height: count as usize,
        }
    }

    fn numbers(group: &Rows) -> Vec<i64> {
        group.fields[0].values.as_materialized_series().i64().expect("n").iter().flatten().collect()
    }

    #[test]
    fn groups_have_one_size_and_keep_the_order() {
        let mut gather = Gather::new(10, usize::MAX);
        let mut all = Vec::new();
        for first in (0..77).step_by(7) {
            for group in gather.push(rows(first, 7, first % 2 == 0)).expect("push") {
                assert_eq!((group.height, group.raw.height()), (10, 10));
                assert_eq!(group.fields.iter().map(|field| field.values.len()).max(), Some(10));
                all.extend(numbers(&group));
            }
        }
        let last = gather.rest().expect("rest").expect("rows");
        assert_eq!(last.height, 7);
        all.extend(numbers(&last));
        assert_eq!(all, (0..77).collect::<Vec<_>>());
        assert!(gather.rest().expect("rest").is_none());
    }

    #[test]
    fn a_field_that_some_rows_lack_is_null_there() {
        let mut gather = Gather::new(4, usize::MAX);
        gather.push(rows(0, 2, false)).expect("push");
        let groups = gather.push(rows(2, 2, true)).expect("push");
        let t = groups[0].fields[1].values.as_materialized_series().str().expect("t").clone();
        assert_eq!(t.iter().collect::<Vec<_>>(), [None, None, Some("text 2"), Some("text 3")]);
    }

    #[test]
    fn large_rows_make_smaller_groups() {
        let mut gather = Gather::new(1000, 100);
        assert_eq!(gather.push(rows(0, 20, true)).expect("push").len(), 1);
    }
}
