//! URLs of servers that may hold a password: taken apart without showing it.

/// What is said of a setting that holds such a URL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// The setting, in the file and in the environment.
    pub(super) setting: &'static str,
    /// What may stand before `://`.
    pub(super) schemes: [&'static str; 2],
    /// How it must begin, and an example.
    pub(super) begins: &'static str,
    /// Where the server listens if the URL does not say.
    pub(super) port: &'static str,
}

/// The parts of a URL that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// The host; empty if there is none.
    pub(super) host: &'a str,
    /// The port.
    pub(super) port: &'a str,
    /// What stands behind these, with its `/`, without options.
    pub(super) database: &'a str,
}

impl Form {
    /// Takes a URL apart. What is no such URL may hold a password anywhere, so errors don't show any of it.
    pub(super) fn parts(self, url: &str) -> Result<Parts<'_>, String> {
        let Some((_, rest)) = url.split_once("://").filter(|(scheme, _)| self.schemes.contains(scheme))
        else {
            return Err(self.wrong(self.begins));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = match authority.rsplit_once('@') {
            Some((_, host)) => host,
            // A host's name ends before the first `/`; an `@` behind it means that a password holds one.
            None if path.contains('@') => {
                return Err(
                    self.wrong("a `/`, `?` or `#` within the password must be written as %2F, %3F or %23")
                );
            }
            None => authority,
        };
        let (host, port) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port),
            None => (host, self.port),
        };
        if port.parse::<u16>().is_err() {
            return Err(self.wrong("its port is no number"));
        }
        Ok(Parts { host, port, database: path.split(['?', '#']).next().unwrap_or_default() })
    }

    /// An error about the setting.
    pub(super) fn wrong(self, what: &str) -> String {
        format!("{}: {what}", self.setting)
    }
}
