//! The pages of one column of a row group: where each is, and that it claims no more than is held.

use std::{io::Cursor, ops::Range};

use polars::prelude::{PolarsError, PolarsResult};
use polars_parquet::{
    parquet::read::PageMetaData,
    read::{ColumnChunkMetadata, PageReader},
    write::CompressedPage,
};

/// No page is larger once it is decompressed.
const MAX_PAGE: u64 = 512 << 20;

/// A page: its bytes within its column, and its values. The dictionary has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) values: usize,
}

/// The pages that hold some rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Covering {
    pub(super) spans: Vec<Span>,
    /// Values of those pages.
    pub(super) values: usize,
    /// The rows, counted from the first of those values.
    pub(super) rows: Range<usize>,
}

/// The dictionary, and the pages that hold these rows.
pub(super) fn covering(pages: &[Span], rows: &Range<usize>) -> Covering {
    let mut covering = Covering { spans: Vec::new(), values: 0, rows: 0..0 };
    let (mut first, mut before) = (None, 0);
    for page in pages {
        let holds = before..before + page.values;
        before = holds.end;
        if page.values == 0 || holds.start < rows.end && rows.start < holds.end {
            covering.spans.push(*page);
            covering.values += page.values;
            if page.values > 0 {
                first.get_or_insert(holds.start);
            }
        }
    }
    let first = first.unwrap_or(rows.start);
    covering.rows = rows.start - first..rows.end - first;
    covering
}

/// Checks the pages of a whole column, and gives them from the first on.
pub(super) fn walk(bytes: Vec<u8>, column: &ColumnChunkMetadata) -> PolarsResult<(PageReader, Vec<Span>)> {
    walk_some(bytes, column, usize::try_from(column.num_values()).unwrap_or(0))
}

/// Checks pages of a column that hold so many values.
pub(super) fn walk_some(
    bytes: Vec<u8>,
    column: &ColumnChunkMetadata,
    values: usize,
) -> PolarsResult<(PageReader, Vec<Span>)> {
    let about =
        PageMetaData::new(0, values as i64, column.compression(), column.descriptor().descriptor.clone());
    let most = bytes.len();
    let reader = PageReader::new_with_page_meta(Cursor::new(bytes.into()), about.clone(), Vec::new(), most);
    let mut cursor = reader.into_inner().0;
    let mut spans = Vec::new();
    let mut seen = 0;
    while seen < values {
        let start = cursor.position();
        check_size(&cursor.get_ref()[start as usize..])?;
        let mut reader = PageReader::new_with_page_meta(cursor, about.clone(), Vec::new(), most);
        let mut found = 0;
        if !(spans.is_empty() && reader.read_dict()?.is_some()) {
            match reader.next().transpose()? {
                Some(CompressedPage::Data(page)) => found = page.num_values(),
                Some(CompressedPage::Dict(_)) => {
                    return Err(damaged("it has a second dictionary"));
                }
                None => return Err(damaged("it ends early")),
            }
        }
        cursor = reader.into_inner().0;
        seen += found;
        spans.push(Span { start, end: cursor.position(), values: found });
    }
    cursor.set_position(0);
    Ok((PageReader::new_with_page_meta(cursor, about, Vec::new(), most), spans))
}

// A page's header begins with its type and the size that it claims to have decompressed: two small integers of Thrift's compact
// protocol. Whoever decompresses it makes room for as much.
fn check_size(header: &[u8]) -> PolarsResult<()> {
    let claimed = integer(header).and_then(|(_, rest)| integer(rest));
    match claimed {
        Some((size, _)) if size <= MAX_PAGE => Ok(()),
        Some((size, _)) => {
            Err(damaged(&format!("a page claims {size} bytes; at most {} MiB are read", MAX_PAGE >> 20)))
        }
        None => Err(damaged("a page has no header")),
    }
}

// The next field, an integer: a byte that says so, then seven bits a byte, the sign in the lowest bit.
fn integer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (field, bytes) = bytes.split_first()?;
    let mut value = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return (*field == 0x15).then_some((value >> 1, &bytes[at + 1..]));
        }
    }
    None
}

fn damaged(reason: &str) -> PolarsError {
    PolarsError::ComputeError(reason.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(start: u64, values: usize) -> Span {
        Span { start, end: start + 10, values }
    }

    #[test]
    fn rows_are_covered_by_the_dictionary_and_their_pages() {
        let pages = [page(0, 0), page(10, 5), page(20, 5), page(30, 5)];
        let covering = covering(&pages, &(6..11));
        assert_eq!(covering.spans, [pages[0], pages[2], pages[3]]);
        assert_eq!((covering.values, covering.rows), (10, 1..6));
    }

    #[test]
    fn a_page_that_claims_too_much_is_refused() {
        assert!(check_size(&[0x15, 0, 0x15, 0x80, 0x80, 0x80, 0x80, 0x08]).is_err(), "1 GiB");
        assert!(check_size(&[0x15, 0, 0x15, 0x80, 0x10]).is_ok());
        assert!(check_size(&[0x15]).is_err() && check_size(&[]).is_err());
    }
}
