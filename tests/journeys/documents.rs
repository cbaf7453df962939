//! What the guide shows, a user pastes: each `sources.yaml` in it is taken as it stands.

use rfe_tests::{Document, Platform, Settings};

#[tokio::test]
async fn each_example_of_the_documents_is_taken() {
    let platform: Platform = Settings::default().start().await;
    let mut seen = 0;
    for document in ["README.md", "docs/guide/sources-yaml.md"] {
        let blocks = Document::read(document).blocks("yaml");
        for block in blocks.into_iter().filter(|block| block.starts_with("version:")) {
            platform.write("sources.yaml", &block);
            let answer = platform.rfe(&["apply", "-f", "sources.yaml", "--dry-run"]).await;
            assert_eq!(answer.code, 0, "{document}:\n{block}\n{}", answer.stderr);
            seen += 1;
        }
    }
    assert!(seen > 0, "an example is found");
    assert!(platform.rfe(&["sources", "--json"]).await.ok().stdout.is_empty(), "a dry run changes nothing");
}
