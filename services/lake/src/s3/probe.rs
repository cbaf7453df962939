//! What a store can do is tried out, since many speak S3 and no two the same.

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest as _, Sha256};

use super::{
    client::S3Client,
    failure::{Failure, FailureKind, causes},
};

/// Probes lie below this, which no dataset and no source is named like.
pub(super) const FOLDER: &str = "_probe/";
const CONTENT: &[u8] = b"tried out by rfe";

/// What a store can do besides what every lake needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// It refuses a body whose SHA-256 is not the one sent with it. Otherwise bodies are signed, which costs a second hash.
    pub checksums: bool,
    /// It gives the SHA-256 back, so that what lies there is compared too, not only what arrived.
    pub keeps_checksums: bool,
    /// It lists unfinished uploads, so that those of crashed processes can be swept. Otherwise a rule of the bucket must.
    pub lists_uploads: bool,
    /// It refuses to read another version than the one asked for. Otherwise the ETag of the answer is compared.
    pub matches_etags: bool,
}

impl Capabilities {
    pub(super) const ALL: Self =
        Self { checksums: true, keeps_checksums: true, lists_uploads: true, matches_etags: true };

    /// What both can do.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            checksums: self.checksums && other.checksums,
            keeps_checksums: self.keeps_checksums && other.keeps_checksums,
            lists_uploads: self.lists_uploads && other.lists_uploads,
            matches_etags: self.matches_etags && other.matches_etags,
        }
    }
}

/// Why a bucket can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("{0} failed: {1}")]
    Failed(&'static str, Failure),
    #[error("{what} gave {found}, where {expected} was due")]
    Differs { what: &'static str, expected: String, found: String },
}

fn same<T: PartialEq + std::fmt::Debug>(what: &'static str, expected: T, found: T) -> Result<(), Wrong> {
    if expected == found {
        return Ok(());
    }
    Err(Wrong::Differs { what, expected: format!("{expected:?}"), found: format!("{found:?}") })
}

trait During<T> {
    fn during(self, what: &'static str) -> Result<T, Wrong>;
}

impl<T, E: Into<Failure>> During<T> for Result<T, E> {
    fn during(self, what: &'static str) -> Result<T, Wrong> {
        self.map_err(|error| Wrong::Failed(what, error.into()))
    }
}

/// Tries a bucket out, under keys of its own, and leaves nothing behind.
pub(super) async fn probe(client: &S3Client, bucket: &str) -> Result<Capabilities, Wrong> {
    let probe =
        Probe { sdk: client.sdk(), client, bucket, folder: format!("{FOLDER}{}/", rfe_model::id::new()) };
    let found = probe.run().await;
    let cleaned = probe.clean().await;
    let found = found?;
    cleaned.map(|()| found)
}

struct Probe<'a> {
    sdk: &'a Client,
    client: &'a S3Client,
    bucket: &'a str,
    folder: String,
}

impl Probe<'_> {
    async fn run(&self) -> Result<Capabilities, Wrong> {
        let checksums = self.puts().await?;
        let keeps_checksums = self.heads(checksums).await?;
        self.lists().await?;
        let matches_etags = self.reads().await?;
        let lists_uploads = self.uploads(checksums).await?;
        Ok(Capabilities { checksums, keeps_checksums, lists_uploads, matches_etags })
    }

    // True if a wrong checksum is refused.
    async fn puts(&self) -> Result<bool, Wrong> {
        let right = BASE64.encode(Sha256::digest(CONTENT));
        let checked = self.put("a", Some(right)).await;
        let knows = match checked {
            Ok(()) => true,
            Err(failure) if matches!(failure.kind(), FailureKind::Other | FailureKind::Unsupported) => {
                self.put("a", None).await.during("putting an object")?;
                false
            }
            Err(failure) => return Err(Wrong::Failed("putting an object", failure)),
        };
        self.put("b", None).await.during("putting an object")?;
        let wrong = BASE64.encode(Sha256::digest(b"something else"));
        Ok(knows && self.put("c", Some(wrong)).await.is_err())
    }

    async fn put(&self, name: &str, checksum: Option<String>) -> Result<(), Failure> {
        let put = self.sdk.put_object().bucket(self.bucket).key(self.key(name));
        let checked = checksum.is_some();
        let put = put.set_checksum_sha256(checksum).body(ByteStream::from_static(CONTENT)).customize();
        // As uploads do it: a body is either signed or has a checksum that is.
        let put = if checked { put.disable_payload_signing() } else { put };
        put.send().await?;
        Ok(())
    }

    // True if the checksum comes back.
    async fn heads(&self, checksums: bool) -> Result<bool, Wrong> {
        let head = self.sdk.head_object().bucket(self.bucket).key(self.key("a"));
        let head = head.set_checksum_mode(checksums.then_some(ChecksumMode::Enabled)).send().await;
        let head = head.during("measuring an object")?;
        same("the size of an object", CONTENT.len() as i64, head.content_length().unwrap_or_default())?;
        Ok(head.checksum_sha256().is_some())
    }

    async fn lists(&self) -> Result<(), Wrong> {
        // A server that takes a wrong checksum has a third one.
        self.delete("c").await?;
        let list = self.sdk.list_objects_v2().bucket(self.bucket).prefix(&self.folder);
        let after = list.clone().start_after(self.key("a"));
        for (list, expected) in [(list, &["a", "b"][..]), (after, &["b"])] {
            let listed = list.send().await.during("listing objects")?;
            let keys: Vec<_> = listed.contents().iter().filter_map(|object| object.key()).collect();
            let expected: Vec<_> = expected.iter().map(|name| self.key(name)).collect();
            same("listing by key, after a key", expected.iter().map(String::as_str).collect(), keys)?;
        }
        Ok(())
    }

    // True if another version is refused.
    async fn reads(&self) -> Result<bool, Wrong> {
        let get = self.sdk.get_object().bucket(self.bucket).key(self.key("a")).range("bytes=1-4");
        let got = get.clone().send().await.during("reading a range")?;
        let body = got.body.collect().await;
        let body = body.map_err(|error| Wrong::Failed("reading a range", Failure::broken(causes(&error))))?;
        same("reading a range", &CONTENT[1..5], body.into_bytes().as_ref())?;
        let other = get.if_match("\"00000000000000000000000000000000\"").send().await;
        Ok(other.is_err_and(|error| Failure::from(error).kind() == FailureKind::Changed))
    }

    // True if the upload is listed while it is unfinished.
    async fn uploads(&self, checksums: bool) -> Result<bool, Wrong> {
        const WHAT: &str = "uploading in parts";
        let (key, checksum) = (self.key("d"), checksums.then(|| BASE64.encode(Sha256::digest(CONTENT))));
        let begin = self.sdk.create_multipart_upload().bucket(self.bucket).key(&key);
        let begin = begin.set_checksum_algorithm(checksums.then_some(ChecksumAlgorithm::Sha256));
        let id = begin.send().await.during(WHAT)?.upload_id.unwrap_or_default();
        let part = self.sdk.upload_part().bucket(self.bucket).key(&key).upload_id(&id).part_number(1);
        let part = part.set_checksum_sha256(checksum.clone()).body(ByteStream::from_static(CONTENT));
        let part = part.send().await.during(WHAT)?;
        let uploads = self.sdk.list_multipart_uploads().bucket(self.bucket).send().await;
        let listed = uploads.is_ok_and(|all| all.uploads().iter().any(|it| it.upload_id() == Some(&id)));
        let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag);
        let part = part.set_checksum_sha256(checksum).build();
        let complete = self.sdk.complete_multipart_upload().bucket(self.bucket).key(&key).upload_id(&id);
        let complete = complete.multipart_upload(CompletedMultipartUpload::builder().parts(part).build());
        complete.send().await.during(WHAT)?;
        let head = self.sdk.head_object().bucket(self.bucket).key(&key).send().await.during(WHAT)?;
        same("the size of an upload", CONTENT.len() as i64, head.content_length().unwrap_or_default())?;
        Ok(listed)
    }

    async fn clean(&self) -> Result<(), Wrong> {
        // The last one is gone by then: deleting what is not there must be fine.
        for name in ["a", "b", "c", "d", "d"] {
            self.delete(name).await?;
        }
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), Wrong> {
        let deleted = self.client.delete(self.bucket, &self.key(name)).await;
        deleted.map_err(|error| Wrong::Failed("deleting an object", Failure::broken(causes(&error))))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }
}
