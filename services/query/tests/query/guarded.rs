//! What a caller sees whose token is for one source, whichever way it asks.

use std::path::Path;

use arrow_flight::{
    Action, Criteria, FlightDescriptor, Ticket,
    flight_service_client::FlightServiceClient,
    sql::{
        ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, CommandGetTables,
        CommandPreparedStatementQuery, ProstMessageExt as _,
    },
};
use futures::TryStreamExt as _;
use prost::Message as _;
use rfe_mesh::tokens::{
    Tokens, TokensError,
    file::{self, Entry},
    secret::Secret,
};
use tonic::{Code, Request, Status, metadata::MetadataValue, transport::Channel};

use crate::fixture::{self, Served};

/// The role, and two who call it.
struct World {
    served: Served,
    whole: String,
    limited: String,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("tokens.toml");
        let (whole, limited) = (issue(&path, "read"), issue(&path, "read:clicks"));
        let served = fixture::serve_to(Tokens::load(&path).expect("tokens")).await;
        Self { served, whole, limited, _folder: folder }
    }

    async fn client(&self) -> FlightServiceClient<Channel> {
        self.served.plain().await
    }

    async fn ticket(&self, token: &str, sql: &str) -> Result<Ticket, Status> {
        let info = self.client().await.get_flight_info(by(token, command(sql))).await?.into_inner();
        Ok(info.endpoint[0].ticket.clone().expect("a ticket"))
    }

    async fn rows(&self, token: &str, ticket: Ticket) -> Result<Vec<String>, Status> {
        let stream = self.client().await.do_get(by(token, ticket)).await?.into_inner();
        Ok(fixture::text(&fixture::collect(stream).await?))
    }

    async fn prepared(&self, token: &str, sql: &str) -> Result<Ticket, Status> {
        let request = ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
        let action = Action::new("CreatePreparedStatement", request.as_any().encode_to_vec());
        let mut answer = self.client().await.do_action(by(token, action)).await?.into_inner();
        let body = answer.message().await?.expect("an answer").body;
        let any = Any::decode(body.as_ref()).expect("a message");
        let made = any.unpack::<ActionCreatePreparedStatementResult>().expect("decodes").expect("a handle");
        let handle = made.prepared_statement_handle;
        let query = CommandPreparedStatementQuery { prepared_statement_handle: handle };
        Ok(Ticket::new(query.as_any().encode_to_vec()))
    }
}

fn issue(path: &Path, scope: &str) -> String {
    let secret = Secret::random().expect("random numbers");
    let scopes = vec![scope.parse().expect("a scope")];
    file::edit(path, |tokens| {
        tokens.push(Entry::new(&secret, scope.to_owned(), scopes, None));
        Ok::<_, TokensError>(())
    })
    .expect("written");
    secret.reveal().to_owned()
}

fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse::<MetadataValue<_>>().expect("a header");
    request.metadata_mut().insert("authorization", value);
    request
}

fn command(sql: &str) -> FlightDescriptor {
    FlightDescriptor::new_cmd(sql.as_bytes().to_vec())
}

fn code<T>(answer: Result<T, Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}

#[tokio::test]
async fn a_statement_over_another_dataset_is_refused_whichever_way_it_comes() {
    let world = World::new().await;
    let own = world.ticket(&world.limited, "SELECT count(*) FROM clicks").await.expect("its own");
    assert_eq!(world.rows(&world.limited, own).await.expect("rows").len(), 1);
    for sql in ["SELECT * FROM finance_csv", "SELECT * FROM meta.ingestion_runs", "DESCRIBE raw.finance_csv"]
    {
        assert_eq!(code(world.ticket(&world.limited, sql).await), Code::PermissionDenied, "{sql}");
        let text = Ticket::new(sql.as_bytes().to_vec());
        assert_eq!(code(world.rows(&world.limited, text).await), Code::PermissionDenied, "{sql}");
        assert_eq!(code(world.prepared(&world.limited, sql).await), Code::PermissionDenied, "{sql}");
    }
    let path = FlightDescriptor::new_path(vec!["finance_csv".to_owned()]);
    let by_path = world.client().await.get_flight_info(by(&world.limited, path)).await;
    assert_eq!(code(by_path), Code::PermissionDenied);
}

#[tokio::test]
async fn tickets_and_prepared_statements_of_another_caller_open_nothing() {
    let world = World::new().await;
    let sql = "SELECT count(*) FROM finance_csv";
    for ticket in [
        world.ticket(&world.whole, sql).await.expect("a ticket"),
        world.prepared(&world.whole, sql).await.expect("a statement"),
    ] {
        assert_eq!(code(world.rows(&world.limited, ticket.clone()).await), Code::PermissionDenied);
        assert_eq!(world.rows(&world.whole, ticket.clone()).await.expect("rows"), ["5"]);
        let nobody = world.client().await.do_get(ticket).await;
        assert_eq!(code(nobody), Code::Unauthenticated);
    }
}

#[tokio::test]
async fn names_of_other_datasets_are_not_shown() {
    let world = World::new().await;
    for (token, all) in [(&world.limited, false), (&world.whole, true)] {
        let flights =
            world.client().await.list_flights(by(token, Criteria::default())).await.expect("a list");
        let flights = flights.into_inner().try_collect::<Vec<_>>().await.expect("flights");
        let names = flights.iter().filter_map(|flight| flight.flight_descriptor.as_ref());
        let names = names.flat_map(|descriptor| descriptor.path.clone()).collect::<Vec<_>>();
        assert_eq!(names.contains(&"finance_csv".to_owned()), all, "{names:?}");
        assert!(names.contains(&"clicks".to_owned()), "{names:?}");

        let tables = CommandGetTables {
            catalog: None,
            db_schema_filter_pattern: None,
            table_name_filter_pattern: None,
            table_types: Vec::new(),
            include_schema: true,
        };
        let ticket = Ticket::new(tables.as_any().encode_to_vec());
        let shown = world.rows(token, ticket).await.expect("tables").join("\n");
        assert!(shown.contains("clicks"), "{shown}");
        assert_eq!(shown.contains("finance_csv") && shown.contains("ingestion_runs"), all, "{shown}");

        let sql = "SELECT DISTINCT table_name FROM information_schema.columns";
        let ticket = world.ticket(token, sql).await.expect("a ticket");
        let columns = world.rows(token, ticket).await.expect("columns");
        assert_eq!(columns == ["clicks"], !all, "{columns:?}");
    }
}

#[tokio::test]
async fn a_handshake_turns_a_password_into_the_bearer_of_what_follows() {
    let world = World::new().await;
    let mut client = world.served.sql().await;
    let _answer = client.handshake("anyone", &world.limited).await.expect("let in");
    assert_eq!(client.token(), Some(&world.limited));
    let info = client.execute("SELECT count(*) FROM clicks".to_owned(), None).await.expect("its own");
    assert_eq!(info.endpoint.len(), 1);
    let refused = client.execute("SELECT * FROM finance_csv".to_owned(), None).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("read:finance_csv")));
    assert!(world.served.sql().await.handshake("anyone", "wrong").await.is_err());
}
