//! Client and output of one invocation.

use rfe_client::{Client, Endpoints};

use crate::{command::Global, error::CliError, out::Out};

/// What a verb works with.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) out: Out,
    /// True if results are wanted as JSON.
    pub(crate) json: bool,
}

impl Session {
    pub(crate) fn open(global: &Global) -> Result<Self, CliError> {
        let mut endpoints = match &global.url {
            Some(url) => Endpoints::from_env_with_url(url),
            None => Endpoints::from_env(),
        };
        if global.token.is_some() {
            endpoints.token.clone_from(&global.token);
        }
        Ok(Self { client: Client::connect(endpoints)?, out: Out::stdout(), json: global.json })
    }
}
