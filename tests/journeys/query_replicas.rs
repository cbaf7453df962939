//! Two processes that answer SQL are one: what one of them handed out, the other takes, also when the first has been started anew.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_flight::{FlightInfo, Ticket, sql::client::FlightSqlServiceClient};
use futures::TryStreamExt as _;
use rfe_tests::{Platform, Role, Settings, sql};
use tonic::{
    body::Body,
    codegen::{Context, Poll, Service, http},
    transport::Channel,
};

const REPLICAS: usize = 2;
const SOURCES: &str = "version: 1\nsources:\n- {name: t, kind: csv, config: {location: t.csv}}\n";

/// Sends each call to another replica than the call before, as a balancer may.
#[derive(Clone)]
struct InTurn {
    replicas: Vec<Channel>,
    calls: Arc<AtomicUsize>,
}

impl InTurn {
    fn of(platform: &Platform) -> Self {
        let replicas = (0..REPLICAS).map(|replica| channel(platform, replica)).collect();
        Self { replicas, calls: Arc::default() }
    }

    /// Whose turn it is.
    fn next(&mut self) -> &mut Channel {
        let at = self.calls.load(Ordering::Relaxed) % self.replicas.len();
        &mut self.replicas[at]
    }
}

impl Service<http::Request<Body>> for InTurn {
    type Response = http::Response<Body>;
    type Error = tonic::transport::Error;
    type Future = <Channel as Service<http::Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.next().poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.next().call(request);
        self.calls.fetch_add(1, Ordering::Relaxed);
        answer
    }
}

fn channel(platform: &Platform, replica: usize) -> Channel {
    let url = format!("http://{}", platform.address_of(Role::Query, replica));
    Channel::from_shared(url).expect("a replica has an address").connect_lazy()
}

fn replica(platform: &Platform, replica: usize) -> FlightSqlServiceClient<Channel> {
    FlightSqlServiceClient::new(channel(platform, replica))
}

/// Two processes for SQL over a dataset of the rows 1 and 2.
async fn with_rows() -> Platform {
    let platform = Settings::default().scaled(Role::Query, REPLICAS).start().await;
    platform.write("t.csv", "id\n1\n2\n");
    platform.apply(SOURCES).await;
    let _run = platform.pulled("t").await;
    platform
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().expect("an endpoint has a ticket")
}

async fn rows<T>(client: &mut FlightSqlServiceClient<T>, ticket: Ticket) -> Vec<String>
where
    T: Service<http::Request<Body>, Response = http::Response<Body>, Error = tonic::transport::Error>,
{
    let stream = client.do_get(ticket).await.expect("the ticket is taken");
    let batches: Vec<RecordBatch> = stream.try_collect().await.expect("there are rows");
    batches.iter().flat_map(sql::rows).collect()
}

async fn restart(platform: &mut Platform, replica: usize) {
    platform.kill_role(Role::Query, replica);
    platform.start_role(Role::Query, replica).await;
}

#[tokio::test]
async fn a_ticket_shows_the_snapshot_that_it_was_made_at_wherever_it_is_brought() {
    let mut platform = with_rows().await;
    let statement = "SELECT count(*), sum(id) FROM t".to_owned();
    let mut tickets = Vec::new();
    for at in 0..REPLICAS {
        let info = replica(&platform, at).execute(statement.clone(), None).await.expect("a ticket");
        tickets.push(ticket(&info));
    }
    platform.write("t.csv", "id\n5\n");
    let _run = platform.pulled("t").await;
    for restarted in [false, true] {
        if restarted {
            restart(&mut platform, 0).await;
        }
        for at in 0..REPLICAS {
            let mut client = replica(&platform, at);
            for ticket in &tickets {
                assert_eq!(rows(&mut client, ticket.clone()).await, ["2|3"], "at {at}, {restarted}");
            }
            let now = client.execute(statement.clone(), None).await.expect("a ticket");
            assert_eq!(rows(&mut client, ticket(&now)).await, ["1|5"], "at {at}, {restarted}");
        }
    }
}

#[tokio::test]
async fn a_prepared_statement_works_though_each_of_its_calls_goes_to_another_replica() {
    let mut platform = with_rows().await;
    let mut client = FlightSqlServiceClient::new(InTurn::of(&platform));
    let mut statement =
        client.prepare("SELECT id FROM t WHERE id > ? ORDER BY id".to_owned(), None).await.expect("prepared");
    // A round is three calls, so that the next one begins at the other replica.
    for (bound, restarted, expected) in
        [(0_i64, None, &["1", "2"][..]), (1, Some(0), &["2"]), (0, Some(1), &["1", "2"]), (2, None, &[])]
    {
        if let Some(replica) = restarted {
            restart(&mut platform, replica).await;
        }
        let values: ArrayRef = Arc::new(Int64Array::from(vec![bound]));
        statement.set_parameters(RecordBatch::try_from_iter([("1", values)]).expect("values")).expect("set");
        // It binds the values at one replica and asks the other for the ticket.
        let info = statement.execute().await.expect("the handle is known");
        assert_eq!(rows(&mut client, ticket(&info)).await, expected, "ids above {bound}");
    }
    for at in 0..REPLICAS {
        let counted = platform.page_of(Role::Query, at, "/metrics").await.text;
        assert!(counted.contains("FlightService/DoGet"), "replica {at} did its share: {counted}");
    }
    statement.close().await.expect("it is closed");
}
