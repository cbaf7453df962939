//! Files of a dataset as a stream. Each part is a read of its own, and one snapshot's files are the same in every read.

use std::{collections::VecDeque, sync::Arc};

use futures::{Stream, stream};
use prost::Message as _;
use rfe_model::Fault;
use rfe_proto::metadata as pb;
use rfe_registry::{CatalogStore, Page, file_cursor};

/// Bytes of one message.
const MESSAGE: usize = 1 << 20;
/// Files of one part.
const PART: u32 = 500;

/// The pieces.
///
/// # Errors
/// If there is no such dataset.
pub(crate) async fn stream(
    catalog: Arc<dyn CatalogStore>,
    request: pb::ScanFilesRequest,
) -> Result<impl Stream<Item = Result<Vec<pb::DataFile>, Fault>> + Send + 'static, Fault> {
    let mut scan = Scan { catalog, request, after: None, is_last: false, ready: VecDeque::new() };
    scan.read().await?;
    Ok(stream::try_unfold(scan, Scan::next))
}

struct Scan {
    catalog: Arc<dyn CatalogStore>,
    request: pb::ScanFilesRequest,
    after: Option<String>,
    is_last: bool,
    ready: VecDeque<pb::DataFile>,
}

impl Scan {
    async fn next(mut self) -> Result<Option<(Vec<pb::DataFile>, Self)>, Fault> {
        if self.ready.is_empty() && !self.is_last {
            self.read().await?;
        }
        let (mut piece, mut bytes) = (Vec::new(), 0);
        while bytes < MESSAGE
            && let Some(file) = self.ready.pop_front()
        {
            bytes += file.encoded_len();
            piece.push(file);
        }
        Ok((!piece.is_empty()).then_some((piece, self)))
    }

    async fn read(&mut self) -> Result<(), Fault> {
        let page = Page { after: self.after.take(), limit: PART };
        let pb::ScanFilesRequest { dataset, snapshot, begun_after, .. } = &self.request;
        let layer = self.request.layer();
        let (files, _) = self.catalog.files_after(dataset, *snapshot, layer, *begun_after, &page).await?;
        self.is_last = files.len() < PART as usize;
        self.after = files.last().map(file_cursor);
        self.ready = files.into();
        Ok(())
    }
}
