//! Files of a dataset as a stream. Each part is a read of its own, and one snapshot's files are the same in every read.

use std::{collections::VecDeque, sync::Arc};

use futures::{Stream, StreamExt as _, stream};
use prost::Message as _;
use rfe_model::Fault;
use rfe_proto::metadata as pb;
use rfe_registry::{CatalogStore, Page, file_cursor};

/// Bytes of one message.
const MESSAGE: usize = 1 << 20;
/// Files of one part.
const PART: u32 = 500;
/// Keys of files that ended, of one message.
const ENDED: usize = 4_000;

/// The pieces, those of ended files first.
///
/// # Errors
/// If there is no such dataset, or what ended is no longer known.
pub(crate) async fn stream(
    catalog: Arc<dyn CatalogStore>,
    request: pb::ScanFilesRequest,
) -> Result<impl Stream<Item = Result<pb::ScanFilesResponse, Fault>> + Send + 'static, Fault> {
    let ended = ended(&*catalog, &request).await?;
    let mut scan = Scan { catalog, request, after: None, is_last: false, ready: VecDeque::new() };
    scan.read().await?;
    Ok(stream::iter(ended.into_iter().map(Ok)).chain(stream::try_unfold(scan, Scan::next)))
}

async fn ended(
    catalog: &dyn CatalogStore,
    request: &pb::ScanFilesRequest,
) -> Result<Vec<pb::ScanFilesResponse>, Fault> {
    if !request.with_ended {
        return Ok(Vec::new());
    }
    let pb::ScanFilesRequest { dataset, snapshot, begun_after, .. } = request;
    let keys = catalog.ended(dataset, *begun_after, *snapshot, request.layer()).await?;
    let message =
        |keys: &[String]| pb::ScanFilesResponse { ended_keys: keys.to_vec(), data_files: Vec::new() };
    Ok(keys.chunks(ENDED).map(message).collect())
}

struct Scan {
    catalog: Arc<dyn CatalogStore>,
    request: pb::ScanFilesRequest,
    after: Option<String>,
    is_last: bool,
    ready: VecDeque<pb::DataFile>,
}

impl Scan {
    async fn next(mut self) -> Result<Option<(pb::ScanFilesResponse, Self)>, Fault> {
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
        let message = pb::ScanFilesResponse { data_files: piece, ended_keys: Vec::new() };
        Ok((!message.data_files.is_empty()).then_some((message, self)))
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
