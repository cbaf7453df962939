//! The rule that no listener is open to a network by accident.

use std::net::SocketAddr;

/// Checks a listener: one that is not on loopback needs tokens, or the consent of who runs it.
///
/// # Errors
/// With the reason and the ways out, for a person.
pub fn may_listen(
    setting: &str,
    address: SocketAddr,
    has_tokens: bool,
    is_insecure: bool,
) -> Result<(), String> {
    if address.ip().to_canonical().is_loopback() || has_tokens || is_insecure {
        return Ok(());
    }
    Err(format!(
        "{setting}: {address} is not on loopback, and there are no tokens to guard it; set RFE_TOKENS_FILE to a file that `rfe token create` wrote, listen on 127.0.0.1, or set RFE_INSECURE=1 on a network that you trust"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_loopback_a_listener_needs_tokens_or_consent() {
        let check = |address: &str, tokens, insecure| {
            may_listen("RFE_HTTP_ADDR", address.parse().expect("an address"), tokens, insecure)
        };
        for local in ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(check(local, false, false).is_ok(), "{local}");
        }
        for open in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"] {
            assert!(check(open, true, false).is_ok() && check(open, false, true).is_ok(), "{open}");
            let reason = check(open, false, false).expect_err(open);
            assert!(reason.contains("RFE_HTTP_ADDR") && reason.contains("RFE_TOKENS_FILE"), "{reason}");
            assert!(reason.contains("RFE_INSECURE=1"), "{reason}");
        }
    }
}
