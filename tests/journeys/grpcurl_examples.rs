//! The examples of the API guide: a user pastes them into a shell, from the first one to the last.

use rfe_tests::{Document, Platform, Settings, examples::Example};

const GUIDE: &str = "proto/README.md";

#[tokio::test]
async fn each_example_of_the_api_guide_answers_what_it_promises() {
    let platform = Platform::start().await;
    platform.paste(&Example::all_of(&Document::read(GUIDE).section("Examples")), &[]).await;
}

#[tokio::test]
async fn each_example_with_a_token_answers_what_it_promises() {
    let mut platform = Platform::prepare(Settings::default());
    let token = platform.guard().await;
    platform.restart().await;
    let examples = Example::all_of(&Document::read(GUIDE).section("Examples with a token"));
    platform.paste(&examples, &[("RFE_TOKEN", &token)]).await;
}
