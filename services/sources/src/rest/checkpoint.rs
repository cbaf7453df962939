//! A page that was read, kept so that another attempt need not ask for it again. The walk from page to page follows from the pages
//! themselves, so nothing else is kept.

use bytes::Bytes;
use rfe_model::{SourceSpec, id::sha256_hex, letter::Stage};
use serde::{Deserialize, Serialize};

use super::answers::Answered;
use crate::{ReadError, error::code};

/// The first line. The page follows as it came; who stores many compresses them together.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Which read it belongs to.
    read: String,
    page: u64,
    bytes: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// What marks the checkpoints of a read: another config or another beginning asks for other pages.
pub(super) fn read_id(spec: &SourceSpec, cursor: Option<&str>) -> String {
    let parts = serde_json::json!([1, spec.config, cursor]);
    sha256_hex(parts.to_string().as_bytes())[..32].to_owned()
}

/// Writes a page.
pub(super) fn write(read_id: &str, answered: &Answered) -> Result<Bytes, ReadError> {
    let head = Head {
        read: read_id.to_owned(),
        page: answered.number,
        bytes: answered.body.len(),
        link: answered.link.clone(),
    };
    let mut out = serde_json::to_vec(&head).map_err(|error| {
        ReadError::permanent(Stage::Read, code::READER_BROKE, format!("a page can't be kept: {error}"))
    })?;
    out.reserve_exact(1 + answered.body.len());
    out.push(b'\n');
    out.extend_from_slice(&answered.body);
    Ok(out.into())
}

/// Reads a page; `None` if it is of another read, of another number, or damaged: then it is asked for again.
pub(super) fn read(read_id: &str, number: u64, checkpoint: &Bytes) -> Option<Answered> {
    let end = memchr::memchr(b'\n', checkpoint)?;
    let head: Head = serde_json::from_slice(&checkpoint[..end]).ok()?;
    let body = checkpoint.slice(end + 1..);
    let is_whole = head.read == read_id && head.page == number && head.bytes == body.len();
    is_whole.then(|| Answered {
        number,
        kind: "kept by an earlier attempt".to_owned(),
        link: head.link,
        body,
        is_new: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u64) -> Answered {
        Answered {
            number,
            kind: "200 OK".to_owned(),
            link: Some("http://x.org/?p=2".to_owned()),
            body: Bytes::from_static(b"[{\"a\": 1}]\n"),
            is_new: true,
        }
    }

    #[test]
    fn a_page_comes_back_as_it_was() {
        let kept = write("r", &page(7)).expect("written");
        let back = read("r", 7, &kept).expect("read");
        assert_eq!((back.body, back.link, back.is_new), (page(7).body, page(7).link, false));
        let empty = write("r", &Answered { body: Bytes::new(), ..page(7) }).expect("written");
        assert_eq!(read("r", 7, &empty).expect("read").body, Bytes::new());
    }

    #[test]
    fn a_page_of_another_read_another_number_or_with_damage_is_no_page() {
        let kept = write("r", &page(7)).expect("written");
        assert!(read("s", 7, &kept).is_none());
        assert!(read("r", 8, &kept).is_none());
        assert!(read("r", 7, &Bytes::new()).is_none());
        assert!(read("r", 7, &kept.slice(..kept.len() - 3)).is_none());
    }

    #[test]
    fn another_config_or_another_beginning_is_another_read() {
        let one = SourceSpec::sample("things", "rest");
        let other = SourceSpec { config: serde_json::json!({"url": "http://x.org"}), ..one.clone() };
        assert_eq!(read_id(&one, None), read_id(&one, None));
        assert_ne!(read_id(&one, None), read_id(&other, None));
        assert_ne!(read_id(&one, None), read_id(&one, Some("5")));
    }
}
