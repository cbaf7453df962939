//! A file behind a URL.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;
use rfe_model::letter::Stage;
use tokio::runtime::Handle;

use crate::{
    ReadContext, ReadError,
    config::resolved,
    error::code,
    http::{Body, Client, Request},
};

/// A download leaves so much room on the disk to others.
const RESERVE: u64 = 256 << 20;
/// How often the room is looked at.
const STRIDE: u64 = 64 << 20;

/// True if a location is a URL.
pub(crate) fn is_url(location: &str) -> bool {
    location.contains("://")
}

/// Checks a URL as it is written, references and all.
///
/// # Errors
/// With the reason for a person.
pub(crate) fn check(location: &str) -> Result<(), String> {
    let Some((scheme, rest)) = location.split_once("://") else { return Ok(()) };
    if scheme.contains("${") {
        return Ok(());
    }
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {}
        _ => {
            return Err(format!(
                "`{scheme}://` is not read; write a path, a glob, an http(s):// URL, or `s3://bucket/key`"
            ));
        }
    }
    if rest.split(['?', '#']).next().is_some_and(|path| path.contains('*')) {
        return Err("a URL names one file; wildcards are for local paths".to_owned());
    }
    if !location.contains("${") && Url::parse(location).ok().is_none_or(|url| !url.has_host()) {
        return Err("is no URL".to_owned());
    }
    Ok(())
}

/// A file behind a URL, asked for and not read yet.
#[derive(Clone)]
pub(crate) struct Remote {
    client: Client,
    request: Request,
    /// Its size; 0 if the server does not say.
    pub(crate) bytes: u64,
    /// Its etag or the time of its last change.
    pub(crate) version: String,
    // The first answer's body, until somebody reads it.
    body: Arc<Mutex<Option<Body>>>,
}

// Resolved secrets are in its request.
impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("label", &self.request.label).finish_non_exhaustive()
    }
}

impl Remote {
    /// Asks for it. Blocks its thread.
    ///
    /// # Errors
    /// If the host is private, or as its answer says.
    pub(crate) fn find(
        written: &str,
        headers: &BTreeMap<String, String>,
        context: &ReadContext,
    ) -> Result<Self, ReadError> {
        let secrets = &*context.secrets;
        let url = resolved("location", written, secrets)?;
        // The parser's reason does not hold the URL, which may hold a secret.
        let url = Url::parse(&url).map_err(|error| bad("location", &format!("is no URL: {error}")))?;
        let label = label(written, &url);
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            let field = format!("headers.{name}");
            let name = HeaderName::try_from(name).map_err(|_| bad(&field, "is no name of a header"))?;
            let value = HeaderValue::try_from(resolved(&field, value, secrets)?);
            sent.insert(name, value.map_err(|_| bad(&field, "is no text for a header"))?);
        }
        sent.values_mut().for_each(|value| value.set_sensitive(true));
        let request = Request { method: Method::GET, url, headers: sent, body: None, label };
        let client = Client::for_bodies(&context.allow_private_hosts)?;
        let body = Handle::current().block_on(client.get(&request))?;
        let (bytes, version) = (body.bytes, body.version.clone());
        Ok(Self { client, request, bytes, version, body: Arc::new(Mutex::new(Some(body))) })
    }

    /// Its URL without query and credentials.
    pub(crate) fn label(&self) -> &str {
        &self.request.label
    }

    /// Its bytes, while they arrive. They are read on a thread that may block.
    ///
    /// # Errors
    /// As the answer says; transient if it is not the file that was found.
    pub(crate) fn open(&self) -> Result<Arriving, ReadError> {
        let waiting = self.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let runtime = Handle::current();
        let body = match waiting {
            Some(body) => body,
            None => runtime.block_on(self.client.get(&self.request))?,
        };
        if (body.bytes, &body.version) != (self.bytes, &self.version) {
            let message = format!("`{}` changed while it was read", self.label());
            return Err(ReadError::transient(code::FILE_CHANGED, message));
        }
        Ok(Arriving { body, runtime, at_hand: Bytes::new() })
    }

    /// Stores it on the disk, for readers that go back and forth.
    ///
    /// # Errors
    /// As [`Remote::open`] has them; transient if there is no room.
    pub(crate) fn download(&self, folder: &Path) -> Result<Download, ReadError> {
        self.check_room(folder, self.bytes)?;
        let mut arriving = self.open()?;
        let download = Download(folder.join(format!("{}.download", uuid::Uuid::now_v7())));
        let failed = |error: &io::Error| {
            let message = format!("`{}` can't be stored in the scratch folder: {error}", self.label());
            ReadError::transient(code::FILE_UNREADABLE, message)
        };
        let mut file = File::create(&download.0).map_err(|error| failed(&error))?;
        let (mut stored, mut looked) = (0, 0);
        while let Some(bytes) = arriving.next()? {
            file.write_all(&bytes).map_err(|error| failed(&error))?;
            stored += bytes.len() as u64;
            if stored - looked >= STRIDE {
                looked = stored;
                self.check_room(folder, self.bytes.saturating_sub(stored))?;
            }
        }
        Ok(download)
    }

    fn check_room(&self, folder: &Path, needed: u64) -> Result<(), ReadError> {
        let room = fs4::available_space(folder).map_err(|error| {
            let message = format!("the scratch folder `{}` can't be used: {error}", folder.display());
            ReadError::transient(code::FILE_UNREADABLE, message)
        })?;
        if room.saturating_sub(RESERVE) >= needed && room > RESERVE {
            return Ok(());
        }
        let (size, room, reserve) = (self.bytes >> 20, room >> 20, RESERVE >> 20);
        let message = format!(
            "`{}` ({size} MiB) does not fit into the scratch folder `{}`: {room} MiB are free, {reserve} MiB stay so; \
             make room, or place the file below RFE_SOURCE_ROOTS",
            self.label(),
            folder.display()
        );
        Err(ReadError::transient(code::FILE_UNREADABLE, message))
    }
}

/// Bytes that are arriving.
pub(crate) struct Arriving {
    body: Body,
    runtime: Handle,
    at_hand: Bytes,
}

impl Arriving {
    fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        self.runtime.block_on(self.body.next())
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at_hand.is_empty() {
            match self.next().map_err(io::Error::other)? {
                Some(bytes) => self.at_hand = bytes,
                None => return Ok(0),
            }
        }
        let bytes = self.at_hand.split_to(into.len().min(self.at_hand.len()));
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// A file that was downloaded; it goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Download(PathBuf);

impl Download {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // The scratch folder goes with the run in any case.
        let _ = std::fs::remove_file(&self.0);
    }
}

// A URL with references is named as it is written: what they stand for may be secret.
fn label(written: &str, url: &Url) -> String {
    if written.contains("${") {
        let path = written.split(['?', '#']).next().unwrap_or(written);
        return match path.split_once("://") {
            Some((scheme, rest)) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
            }
            None => path.to_owned(),
        };
    }
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

fn bad(field: &str, reason: &str) -> ReadError {
    ReadError::permanent(Stage::Read, code::BAD_CONFIG, format!("config.{field}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(written: &str, url: &str) -> String {
        label(written, &Url::parse(url).expect("url"))
    }

    #[test]
    fn what_may_be_secret_is_not_in_a_name() {
        let url = "https://u:p@x.org:8443/a/b.csv?sig=s3cret#f";
        assert_eq!(named(url, url), "https://x.org:8443/a/b.csv");
        assert_eq!(
            named("https://u:p@x.org/${env:PART}/b.csv?sig=${env:S}", "https://u:p@x.org/hidden/b.csv?sig=s"),
            "https://x.org/${env:PART}/b.csv"
        );
        assert_eq!(named("${env:BASE}/b.csv?x=1", "http://x.org/b.csv?x=1"), "${env:BASE}/b.csv");
    }

    #[test]
    fn only_urls_of_one_file_are_taken() {
        for good in ["http://x.org/a.csv", "https://x.org/a.csv?q=*", "${env:BASE}/a.csv", "HTTP://x.org/"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["gs://b/a.csv", "ftp://x.org/a", "http://x.org/*.csv", "http://"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
