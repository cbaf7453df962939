//! Secrets that a request shows as they are: in a header, in the URL, as bearer token, as password.

use std::fmt;

use axum::extract::Query;
use base64::Engine as _;
use http::{HeaderMap, Uri, header::AUTHORIZATION};
use rfe_model::{
    Fault,
    secret::{self, SecretStore},
    verify::{Basic, Bearer, SharedSecret},
};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::{encoded::BASE64, refused, required};

const NOBODY: &str = "the secret that was sent is not one that this source takes";

/// A secret that has to be shown.
pub(crate) struct Shown {
    place: Place,
    // Hashes are equally long, so that comparing them tells nothing about the length of a secret either.
    hashes: Vec<[u8; 32]>,
}

#[derive(Debug)]
enum Place {
    Header(String),
    Query(String),
    Bearer,
    Basic,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("place", &self.place).finish_non_exhaustive()
    }
}

// === impl Shown ===

impl Shown {
    pub(super) fn secret(written: &SharedSecret, secrets: &dyn SecretStore) -> Result<Self, String> {
        let place = match (&written.header, &written.query) {
            (Some(header), _) => Place::Header(header.clone()),
            (None, Some(query)) => Place::Query(query.clone()),
            (None, None) => return Err("neither a header nor a parameter is named".to_owned()),
        };
        Ok(Self::new(place, &written.secret.resolve(secrets)?))
    }

    pub(super) fn bearer(written: &Bearer, secrets: &dyn SecretStore) -> Result<Self, String> {
        Ok(Self::new(Place::Bearer, &written.secret.resolve(secrets)?))
    }

    pub(super) fn basic(written: &Basic, secrets: &dyn SecretStore) -> Result<Self, String> {
        let name = secret::resolve(&written.username, secrets)?;
        let passwords = written.password.resolve(secrets)?;
        let pairs: Vec<String> = passwords.iter().map(|password| format!("{name}:{password}")).collect();
        Ok(Self::new(Place::Basic, &pairs))
    }

    fn new(place: Place, secrets: &[String]) -> Self {
        Self { place, hashes: secrets.iter().map(|secret| Sha256::digest(secret).into()).collect() }
    }

    pub(super) fn header(&self) -> Option<&str> {
        match &self.place {
            Place::Header(name) => Some(name),
            Place::Query(_) => None,
            Place::Bearer | Place::Basic => Some("authorization"),
        }
    }

    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
        let secret = match &self.place {
            Place::Header(name) => required(headers, name, "the secret")?.as_bytes().to_vec(),
            Place::Query(name) => parameter(uri, name)?.into_bytes(),
            Place::Bearer => authorization(headers, "Bearer")?.as_bytes().to_vec(),
            Place::Basic => BASE64
                .decode(authorization(headers, "Basic")?)
                .map_err(|_| refused("the header `authorization` holds no Base64 after `Basic`"))?,
        };
        if self.knows(&secret) { Ok(()) } else { Err(refused(NOBODY)) }
    }

    // All are compared, so that the time does not tell which is nearest.
    fn knows(&self, secret: &[u8]) -> bool {
        let hash = Sha256::digest(secret);
        let none = Choice::from(0);
        self.hashes.iter().fold(none, |known, one| known | one.as_slice().ct_eq(hash.as_slice())).into()
    }
}

fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Result<&'a str, Fault> {
    let value = required(headers, AUTHORIZATION.as_str(), "the secret")?;
    match value.split_once(' ') {
        Some((given, rest)) if given.eq_ignore_ascii_case(scheme) => Ok(rest.trim()),
        _ => Err(refused(format!("the header `authorization` does not begin with `{scheme}`"))),
    }
}

fn parameter(uri: &Uri, name: &str) -> Result<String, Fault> {
    let Query(all) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| refused("the parameters of the URL can't be read"))?;
    all.into_iter()
        .find_map(|(key, value)| (key == name).then_some(value))
        .ok_or_else(|| refused(format!("the parameter `{name}` with the secret is missing in the URL")))
}
