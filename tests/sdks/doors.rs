//! The doors of a platform, as clients of all languages come in.

use rfe_client::{Endpoints, Tls};
use rfe_tests::{Ground, Platform, Settings, authority::Authority};

/// A platform that wants tokens, and how clients come in.
pub(crate) struct Doors {
    pub(crate) platform: Platform,
    /// With the token of whoever may do everything.
    pub(crate) endpoints: Endpoints,
    _authority: Option<Authority>,
}

impl Doors {
    /// Opens them: with TLS where one certificate can name all addresses, which is in one process.
    pub(crate) async fn open(ground: Ground) -> Self {
        let settings = Settings::default().with("RFE_QUEUE_SOURCE_MAX_JOBS", "8");
        let mut platform = Platform::prepare_on(ground, settings);
        let authority = (!platform.is_mesh()).then(Authority::new);
        if let Some(authority) = &authority {
            platform.settings = platform.settings.clone().with_certificate(&authority.sign("server"));
        }
        let token = platform.guard().await;
        platform.restart().await;
        let endpoints = match &authority {
            None => platform.endpoints(),
            Some(authority) => {
                let tls = Tls { ca: Some(authority.ca()), ..Tls::default() };
                Endpoints { tls, ..Endpoints::single(format!("https://{}", platform.ready().grpc)) }
            }
        };
        Self { platform, endpoints: Endpoints { token: Some(token), ..endpoints }, _authority: authority }
    }
}
