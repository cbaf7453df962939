//! A door that stands open by accident does not open at all.

use rfe_tests::{Platform, Settings};

#[tokio::test]
async fn a_listener_off_loopback_wants_tokens_or_consent_and_a_missing_file_is_told() {
    let open = || Settings::default().with("RFE_GRPC_ADDR", "0.0.0.0:0");
    let refused = Platform::prepare(open());
    assert_eq!(refused.run_to_its_end().await.code(), Some(78));
    let log = refused.log();
    assert!(log.contains("RFE_TOKENS_FILE") && log.contains("RFE_INSECURE=1"), "{log}");
    let missing = Platform::prepare(Settings::default().with("RFE_TOKENS_FILE", "/nowhere/tokens.toml"));
    assert_eq!(missing.run_to_its_end().await.code(), Some(78));
    assert!(missing.log().contains("/nowhere/tokens.toml"), "{}", missing.log());
}
