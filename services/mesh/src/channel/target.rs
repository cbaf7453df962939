//! What a URL of a role names.

use std::fmt;

use http::uri::{Authority, Scheme};

use super::ChannelError;

/// A name to resolve, and how to talk to what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) secure: bool,
    /// The host without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authority: Authority,
}

impl Target {
    /// The targets of one URL, or of several by comma.
    pub(super) fn several(urls: &str) -> Result<Vec<Self>, ChannelError> {
        let mut targets = Vec::new();
        for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            let target = Self::one(url)?;
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if targets.is_empty() { Err(wrong(urls, "there is no URL in it")) } else { Ok(targets) }
    }

    fn one(url: &str) -> Result<Self, ChannelError> {
        let uri: http::Uri = url.parse().map_err(|error| wrong(url, &format!("{error}")))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(wrong(url, "it must begin with http:// or https://")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong(url, "only scheme, host and port are allowed"));
        }
        let given = uri.authority().ok_or_else(|| wrong(url, "it has no host"))?;
        if given.as_str().contains('@') {
            return Err(wrong(url, "it must not hold a user or password"));
        }
        let bracketed = given.host();
        let port = match given.port() {
            Some(port) => port.as_u16(),
            None if given.as_str().len() > bracketed.len() => {
                return Err(wrong(url, "its port is no number"));
            }
            None => {
                if secure {
                    443
                } else {
                    80
                }
            }
        };
        let authority =
            format!("{bracketed}:{port}").parse().map_err(|error| wrong(url, &format!("{error}")))?;
        let host = bracketed.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { secure, host, port, authority })
    }

    pub(super) fn scheme(&self) -> Scheme {
        if self.secure { Scheme::HTTPS } else { Scheme::HTTP }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority)
    }
}

fn wrong(url: &str, reason: &str) -> ChannelError {
    // What stands before an `@` may be a password.
    let shown = url.rsplit_once('@').map_or(url, |(_, host)| host).to_owned();
    ChannelError::Url { url: shown, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_hosts_and_ports() {
        let targets =
            Target::several("http://ingest:50051, https://[::1],http://ingest:50051/").expect("targets");
        let shown: Vec<String> = targets.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["http://ingest:50051", "https://[::1]:443"]);
        assert_eq!(targets[1].host, "::1");
    }

    #[test]
    fn what_is_no_url_is_refused_with_its_reason() {
        for (url, reason) in [
            ("ingest:50051", "http://"),
            ("redis://a:1", "http://"),
            ("http://a:1/path", "only scheme"),
            ("http://a:99999", "port"),
            ("", "no URL"),
            ("http://u:secret@a:1", "password"),
        ] {
            let error = Target::several(url).expect_err(url).to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
