//! What the guide shows, a user pastes: each `sources.yaml` in it is taken as it stands.

use std::path::Path;

use rfe_tests::{Platform, Settings};

fn yaml_blocks(document: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join(document)).expect("the document exists");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.starts_with("version:")).map(str::to_owned).collect()
}

#[tokio::test]
async fn each_example_of_the_documents_is_taken() {
    let platform: Platform = Settings::default().start().await;
    let mut seen = 0;
    for document in ["README.md", "docs/guide/sources-yaml.md"] {
        for block in yaml_blocks(document) {
            platform.write("sources.yaml", &block);
            let answer = platform.rfe(&["apply", "-f", "sources.yaml", "--dry-run"]).await;
            assert_eq!(answer.code, 0, "{document}:\n{block}\n{}", answer.stderr);
            seen += 1;
        }
    }
    assert!(seen > 0, "an example is found");
    assert!(platform.rfe(&["sources", "--json"]).await.ok().stdout.is_empty(), "a dry run changes nothing");
}
