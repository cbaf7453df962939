//! One process whose parts are real servers: each alone, and all of them for the demo.

use rfe_tests::{Ground, Platform, Settings, until};

#[tokio::test]
async fn each_backend_replaces_its_embedded_part_alone() {
    let ground = tokio::task::spawn_blocking(Ground::mesh).await.expect("the servers start");
    for (kept, replaced, made) in [
        ("RFE_POSTGRES_URL", "registry.db", "lake"),
        ("MINIO_", "lake", "registry.db"),
        ("REDIS_", "queue.db", "registry.db"),
    ] {
        let mut settings = Settings::default();
        for (name, value) in ground.environment().into_iter().filter(|(name, _)| name.contains(kept)) {
            settings = settings.with(&name, value);
        }
        let mut platform = Platform::prepare_on(Ground::Embedded, settings);
        platform.restart().await;
        assert_eq!(platform.webhook("seen").json("{\"n\": 7}").await.status, 200);
        platform.shows("SELECT n FROM seen", &["7"]).await;
        assert!(!platform.data().join(replaced).exists(), "{kept}: {replaced} is not made");
        assert!(platform.data().join(made).exists(), "{kept}: {made} is made");
        platform.stop().await;
        platform.restart().await;
        platform.shows("SELECT n FROM seen", &["7"]).await;
    }
}

#[tokio::test]
async fn a_bare_duckdb_joins_what_the_views_in_the_bucket_show() {
    const JOIN: &str = "SELECT count(*) || ' ' || count(DISTINCT c.id) || ' ' || round(sum(f.amount), 2) AS seen \
        FROM customers_api c JOIN orders_parquet o ON o.customer_id = c.id JOIN finance_csv f ON f.order_id = o.order_id";
    let platform = Settings::default().flag("--demo").start().await;
    until("the demo prints what to try", || async {
        platform.log().contains("Three things to try").then_some(())
    })
    .await;
    let stores = platform.ground().stores().expect("this journey is about real servers");
    let expected = platform.value(JOIN).await;
    assert!(!expected.starts_with("0 "), "{expected}");
    let views =
        ["customers_api", "orders_parquet", "finance_csv"].map(|name| format!("processed/_views/{name}.sql"));
    until("views of the datasets are published", || async {
        let objects = platform.objects().await;
        views.iter().all(|view| objects.contains(view)).then_some(())
    })
    .await;
    until(&format!("the views show {expected}"), || async {
        let mut made = String::new();
        for view in &views {
            made.push_str(&platform.object(view).await);
        }
        let script = format!(".output /dev/null\n{made}\n.output\n{JOIN}");
        (stores.duckdb(&script).await[0]["seen"] == expected.as_str()).then_some(())
    })
    .await;
}
