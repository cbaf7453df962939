//! One secret, or the old one and the new one while they are exchanged.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value as Json;

use crate::secret::{self, SecretStore};

const MOST: usize = 8;

/// Secrets that are good at the same time, as they are written: references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

// === impl Secrets ===

impl Secrets {
    /// As they are written.
    pub fn written(&self) -> &[String] {
        &self.0
    }

    /// Resolves them.
    ///
    /// # Errors
    /// Says which does not resolve or is empty, never what it is.
    pub fn resolve(&self, store: &dyn SecretStore) -> Result<Vec<String>, String> {
        self.0
            .iter()
            .map(|written| match secret::resolve(written, store)? {
                // An empty one would let anybody in.
                empty if empty.is_empty() => Err(format!("the secret `{written}` is empty")),
                value => Ok(value),
            })
            .collect()
    }
}

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = match Json::deserialize(from)? {
            Json::Array(list) => list,
            one => vec![one],
        };
        if list.is_empty() || list.len() > MOST {
            return Err(D::Error::custom(format!("holds {} secrets; one to {MOST} are taken", list.len())));
        }
        let texts = list.into_iter().map(|one| match one {
            Json::String(text) => Ok(text),
            _ => Err(D::Error::custom(
                "is neither a text nor a list of texts, such as `${env:WEBHOOK_SECRET}`",
            )),
        });
        texts.collect::<Result<_, _>>().map(Self)
    }
}
