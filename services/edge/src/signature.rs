//! HMAC over the raw bytes of a body.

use std::fmt;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use rfe_model::{
    ErrorCode, Fault,
    fault::reason,
    secret::{self, SecretStore},
};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `verify` of kind `hmac`, as written.
#[derive(Debug, Deserialize)]
pub(crate) struct Written {
    secret: String,
    header: String,
    #[serde(default)]
    algorithm: Algorithm,
    #[serde(default)]
    encoding: Encoding,
    prefix: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Algorithm {
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    #[default]
    Hex,
    Base64,
}

#[derive(Clone)]
enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

/// Checks signatures of one source.
pub(crate) struct Signature {
    /// The header that holds the signature.
    pub(crate) header: String,
    keyed: Keyed,
    encoding: Encoding,
    prefix: String,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("header", &self.header).finish_non_exhaustive()
    }
}

// === impl Signature ===

impl Signature {
    /// Resolves the secret. The error says why it does not resolve, never what it is.
    pub(crate) fn new(written: Written, secrets: &dyn SecretStore) -> Result<Self, String> {
        let key = secret::resolve(&written.secret, secrets)?;
        if key.is_empty() {
            return Err("the secret is empty, so that anybody could sign".to_owned());
        }
        let (keyed, name) = match written.algorithm {
            Algorithm::Sha1 => (Hmac::new_from_slice(key.as_bytes()).map(Keyed::Sha1), "sha1="),
            Algorithm::Sha256 => (Hmac::new_from_slice(key.as_bytes()).map(Keyed::Sha256), "sha256="),
            Algorithm::Sha512 => (Hmac::new_from_slice(key.as_bytes()).map(Keyed::Sha512), "sha512="),
        };
        Ok(Self {
            header: written.header,
            keyed: keyed.map_err(|error| error.to_string())?,
            encoding: written.encoding,
            prefix: written.prefix.unwrap_or_else(|| name.to_owned()),
        })
    }

    /// Refuses a body that none of the signatures in the header signs.
    pub(crate) fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
        let mut sent = false;
        for value in headers.get_all(&self.header) {
            sent = true;
            if value
                .to_str()
                .ok()
                .and_then(|text| self.decode(text))
                .is_some_and(|signature| self.signs(&signature, body))
            {
                return Ok(());
            }
        }
        let message = if sent {
            format!("the signature in `{}` is not that of the body", self.header)
        } else {
            format!("the header `{}` with the body's signature is missing", self.header)
        };
        Err(Fault::new(ErrorCode::Unauthenticated, reason::SIGNATURE_INVALID, message))
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let text = text.trim();
        let text = text.strip_prefix(&self.prefix).unwrap_or(text);
        match self.encoding {
            Encoding::Hex => hex::decode(text).ok(),
            Encoding::Base64 => BASE64.decode(text).ok(),
        }
    }

    // `verify_slice` compares in constant time.
    fn signs(&self, signature: &[u8], body: &[u8]) -> bool {
        match self.keyed.clone() {
            Keyed::Sha1(keyed) => keyed.chain_update(body).verify_slice(signature).is_ok(),
            Keyed::Sha256(keyed) => keyed.chain_update(body).verify_slice(signature).is_ok(),
            Keyed::Sha512(keyed) => keyed.chain_update(body).verify_slice(signature).is_ok(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use http::HeaderValue;

    /// Knows `${env:KEY}` and `${env:EMPTY}`.
    #[derive(Debug)]
    pub(crate) struct Fixed;

    impl SecretStore for Fixed {
        fn env(&self, name: &str) -> Result<String, String> {
            match name {
                "KEY" => Ok("Jefe".to_owned()),
                "EMPTY" => Ok(String::new()),
                _ => Err(format!("`{name}` is not set")),
            }
        }
        fn file(&self, path: &str) -> Result<String, String> {
            Err(format!("`{path}` does not exist"))
        }
    }

    // RFC 4231, test case 2.
    const BODY: &[u8] = b"what do ya want for nothing?";
    const HEX: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    // RFC 2202, test case 2.
    const HEX_1: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    const HEX_512: &str = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";

    fn made(written: serde_json::Value) -> Signature {
        Signature::new(serde_json::from_value(written).expect("written"), &Fixed).expect("signature")
    }

    fn check(signature: &Signature, value: &str, body: &[u8]) -> Result<(), Fault> {
        let mut headers = HeaderMap::new();
        headers.insert("x-signature", HeaderValue::from_str(value).expect("value"));
        signature.check(&headers, body)
    }

    #[test]
    fn signatures_of_the_rfc_are_good_in_every_form() {
        let hex = made(serde_json::json!({"secret": "${env:KEY}", "header": "X-Signature"}));
        assert_eq!(check(&hex, HEX, BODY), Ok(()));
        assert_eq!(check(&hex, &format!("sha256={}", HEX.to_uppercase()), BODY), Ok(()));
        let base64 = made(
            serde_json::json!({"secret": "Jefe", "header": "X-Signature", "encoding": "base64", "prefix": "v0="}),
        );
        let text = BASE64.encode(hex::decode(HEX).expect("hex"));
        assert_eq!(check(&base64, &format!("v0={text}"), BODY), Ok(()));
        assert_eq!(check(&base64, text.trim_end_matches('='), BODY), Ok(()));
        let long =
            made(serde_json::json!({"secret": "Jefe", "header": "X-Signature", "algorithm": "sha512"}));
        assert_eq!(check(&long, HEX_512, BODY), Ok(()));
        let short = made(serde_json::json!({"secret": "Jefe", "header": "X-Signature", "algorithm": "sha1"}));
        assert_eq!(check(&short, &format!("sha1={HEX_1}"), BODY), Ok(()));
    }

    #[test]
    fn anything_else_is_refused() {
        let signature = made(serde_json::json!({"secret": "Jefe", "header": "X-Signature"}));
        for bad in ["", "00", "nonsense", &HEX[..62], HEX_512] {
            assert_eq!(
                check(&signature, bad, BODY).expect_err("refused").reason,
                reason::SIGNATURE_INVALID,
                "{bad}"
            );
        }
        assert!(check(&signature, HEX, b"what do ya want for nothing!").is_err());
        assert!(signature.check(&HeaderMap::new(), BODY).expect_err("refused").message.contains("missing"));
    }

    #[test]
    fn an_empty_secret_is_no_secret() {
        let written =
            serde_json::from_value(serde_json::json!({"secret": "${env:EMPTY}", "header": "X-Signature"}))
                .expect("written");
        assert!(Signature::new(written, &Fixed).is_err());
    }
}
