//! The examples of the API guide that speak TLS.

use std::fs;

use rfe_tests::{Document, Settings, authority::Authority, examples::Example};

#[tokio::test]
async fn each_example_over_tls_answers_what_it_promises() {
    let authority = Authority::new();
    let (ca, client) = (authority.ca(), authority.sign("client"));
    let platform = Settings::default().with_certificate(&authority.sign("server")).start().await;
    for (name, made) in [("ca.pem", &ca), ("client.pem", &client.certificate), ("client.key", &client.key)] {
        platform.write(name, fs::read(made).expect("a file can be read"));
    }
    let document = Document::read("proto/README.md").section("Examples over TLS");
    platform.paste(&Example::all_of(&document), &[]).await;
}
