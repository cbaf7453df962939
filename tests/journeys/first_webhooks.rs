//! The first webhooks of a source that nobody declared come to two edges at once.

use std::collections::BTreeMap;

use futures::future::join_all;
use rfe_proto::metadata::{ListSourcesRequest, Source};
use rfe_tests::{Platform, Role, Settings};

const EDGES: usize = 2;
/// Sources that several webhooks race to make.
const RACES: usize = 20;
const WEBHOOKS_OF_A_RACE: usize = 8;
/// Names that strangers try in all, and how many of them become sources.
const NAMES: usize = 110;
const MOST: usize = 100;

async fn start() -> Platform {
    let roles = [Role::Edge, Role::Ingest, Role::Metadata];
    let settings = Settings::default().with("RFE_EDGE_UNKNOWN_SOURCES", "create");
    roles.into_iter().fold(settings, |settings, role| settings.scaled(role, EDGES)).start().await
}

fn name(number: usize) -> String {
    format!("stranger_{number}")
}

/// The statuses of so many webhooks of a source, sent at once to one edge and the other.
async fn at_once(client: &reqwest::Client, edges: &[String], source: &str, webhooks: usize) -> Vec<u16> {
    let send = |number: usize| {
        let url = format!("http://{}/webhooks/{source}", edges[number % edges.len()]);
        let request = client.post(url).header("ce-id", format!("{source}-{number}"));
        async move {
            let sent = request.header("content-type", "application/json").body("{\"a\": 1}").send().await;
            sent.expect("the edge answers").status().as_u16()
        }
    };
    join_all((0..webhooks).map(send)).await
}

async fn sources(platform: &Platform) -> Vec<Source> {
    let request = ListSourcesRequest { page_size: 1000, ..Default::default() };
    platform.metadata_service().list_sources(request).await.expect("sources are listed").into_inner().sources
}

#[tokio::test]
async fn a_source_is_made_once_no_webhook_is_lost_and_a_hundred_are_the_most() {
    let platform = start().await;
    let edges: Vec<String> = (0..EDGES).map(|edge| platform.address_of(Role::Edge, edge)).collect();
    let client = reqwest::Client::new();
    for number in 0..RACES {
        let statuses = at_once(&client, &edges, &name(number), WEBHOOKS_OF_A_RACE).await;
        assert_eq!(statuses, [200; WEBHOOKS_OF_A_RACE], "{}", name(number));
    }
    let mut answered: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    let others: Vec<usize> = (RACES..NAMES).collect();
    for some in others.chunks(10) {
        let sends = some.iter().map(|number| {
            let (client, edges, source) = (&client, &edges, name(*number));
            async move { (at_once(client, edges, &source, EDGES).await, source) }
        });
        for (statuses, source) in join_all(sends).await {
            assert!(statuses.iter().all(|status| *status == statuses[0]), "{source}: {statuses:?}");
            answered.entry(statuses[0]).or_default().push(source);
        }
    }
    let counts: Vec<(u16, usize)> = answered.iter().map(|(status, names)| (*status, names.len())).collect();
    assert_eq!(counts, [(200, MOST - RACES), (429, NAMES - MOST)], "{answered:?}");

    let raced = (0..RACES).map(|number| (name(number), WEBHOOKS_OF_A_RACE));
    let expected: BTreeMap<String, usize> =
        raced.chain(answered[&200].iter().map(|name| (name.clone(), EDGES))).collect();
    let made = sources(&platform).await;
    assert!(made.iter().all(|source| source.auto_created && source.created_time == source.updated_time));
    let mut names: Vec<&String> = made.iter().map(|source| &source.name).collect();
    names.sort();
    assert_eq!(names, expected.keys().collect::<Vec<_>>(), "each is there once");
    for (name, rows) in expected {
        let sql = format!("SELECT count(*), count(DISTINCT _event_id) FROM {name}");
        platform.shows(&sql, &[&format!("{rows}|{rows}")]).await;
    }
}
