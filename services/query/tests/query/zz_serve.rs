//! Temporary.
use crate::fixture;
#[tokio::test(flavor = "multi_thread")]
#[ignore]
async fn zz_serve() {
    let served = fixture::serve().await;
    std::fs::write("/tmp/qv/url", &served.url).unwrap();
    while !std::path::Path::new("/tmp/qv/stop").exists() { tokio::time::sleep(std::time::Duration::from_millis(100)).await; }
}
