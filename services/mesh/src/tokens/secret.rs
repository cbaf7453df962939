//! The text of a token: `rfe_<id>_<secret><checksum>`, all hexadecimal. The id finds the entry, the secret has 256 random bits, and the
//! checksum tells a cut or mistyped token from an unknown one without a look into the file.

use sha2::{Digest as _, Sha256};

const PREFIX: &str = "rfe_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// A token as its holder has it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    id: String,
    text: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("id", &self.id).finish_non_exhaustive()
    }
}

// === impl Secret ===

impl Secret {
    /// A new one, from the random numbers of the operating system.
    ///
    /// # Errors
    /// If it has none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; ID_BYTES + SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        let (id, secret) = bytes.split_at(ID_BYTES);
        let body = format!("{PREFIX}{}_{}", hex::encode(id), hex::encode(secret));
        Ok(Self { id: hex::encode(id), text: format!("{body}{}", checksum(&body)) })
    }

    /// Reads one; `None` if the text has not the form of a token, or its checksum is wrong.
    pub fn read(text: &str) -> Option<Self> {
        let (body, sum) = text.split_at_checked(text.len().checked_sub(2 * CHECKSUM_BYTES)?)?;
        let (id, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |part: &str, bytes: usize| {
            part.len() == 2 * bytes && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_token = is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES) && sum == checksum(body);
        is_token.then(|| Self { id: id.to_owned(), text: text.to_owned() })
    }

    /// Its public part.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The text, for its holder and for nobody else.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What a server keeps. A plain hash is enough, since nobody can guess 256 random bits.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }
}

fn checksum(body: &str) -> String {
    hex::encode(&Sha256::digest(body)[..CHECKSUM_BYTES])
}

/// The secret of one token behind the id of another, as somebody would write it who knows how tokens are made.
#[cfg(test)]
pub(super) fn forged(id_of: &Secret, secret_of: &Secret) -> Secret {
    let secret = &secret_of.text[PREFIX.len() + 2 * ID_BYTES..secret_of.text.len() - 2 * CHECKSUM_BYTES];
    let body = format!("{PREFIX}{}{secret}", id_of.id);
    Secret { id: id_of.id.clone(), text: format!("{body}{}", checksum(&body)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_as_it_was_made_and_no_two_are_equal() {
        let one = Secret::random().expect("random numbers");
        let two = Secret::random().expect("random numbers");
        assert_eq!(Secret::read(one.reveal()), Some(one.clone()));
        assert_ne!(one, two);
        assert_ne!(one.hash(), two.hash());
    }

    #[test]
    fn a_cut_or_mistyped_token_is_none() {
        let text = Secret::random().expect("random numbers").reveal().to_owned();
        let last = if text.ends_with('0') { "1" } else { "0" };
        let mistyped = format!("{}{last}", &text[..text.len() - 1]);
        let cases =
            ["", "rfe_", "anonymous", &text[..text.len() - 1], &text[1..], &mistyped, &text.to_uppercase()];
        for wrong in cases {
            assert_eq!(Secret::read(wrong), None, "{wrong}");
        }
        assert_eq!(Secret::read(&format!("{text}ä")), None);
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let secret = Secret::random().expect("random numbers");
        assert!(!format!("{secret:?}").contains(&secret.reveal()[20..]));
    }
}
