//! Plain Flight: tickets and descriptors of SQL text.

use arrow_flight::{Action, Empty, FlightDescriptor, Ticket};
use futures::TryStreamExt as _;
use rfe_model::fault::reason;
use tonic::Code;

use crate::fixture;

#[tokio::test]
async fn a_ticket_of_sql_text_answers() {
    let served = fixture::serve().await;
    assert_eq!(served.text("SELECT count(*) FROM finance_csv").await, ["5"]);
}

#[tokio::test]
async fn a_command_and_a_path_lead_to_a_pinned_ticket() {
    let served = fixture::serve().await;
    let mut client = served.plain().await;
    for descriptor in [
        FlightDescriptor::new_cmd("SELECT * FROM finance_csv"),
        FlightDescriptor::new_path(vec!["finance_csv".into()]),
        FlightDescriptor::new_path(vec!["main".into(), "finance_csv".into()]),
    ] {
        let info = client.get_flight_info(descriptor.clone()).await.expect("info").into_inner();
        assert_eq!(info.endpoint.len(), 1);
        assert!(info.endpoint[0].location.is_empty());
        let schema = info.clone().try_decode_schema().expect("schema");
        let ticket = info.endpoint[0].ticket.clone().expect("ticket");
        let rows =
            fixture::collect(client.do_get(ticket).await.expect("rows").into_inner()).await.expect("batches");
        assert_eq!(*rows[0].schema(), schema);
        assert_eq!(rows.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 5);
        let result = client.get_schema(descriptor).await.expect("schema").into_inner();
        assert_eq!(result.schema, info.schema);
    }
}

#[tokio::test]
async fn datasets_are_listed_as_flights() {
    let served = fixture::serve().await;
    let flights = served
        .plain()
        .await
        .list_flights(arrow_flight::Criteria::default())
        .await
        .expect("list")
        .into_inner();
    let flights = flights.try_collect::<Vec<_>>().await.expect("flights");
    assert_eq!(flights.len(), 4);
    let ticket = flights[0].endpoint[0].ticket.clone().expect("ticket");
    let rows = served.plain().await.do_get(ticket).await.expect("rows").into_inner();
    assert_eq!(
        fixture::collect(rows)
            .await
            .expect("batches")
            .iter()
            .map(arrow_array::RecordBatch::num_rows)
            .sum::<usize>(),
        5
    );
}

#[tokio::test]
async fn an_unknown_action_is_unimplemented_and_sessions_do_no_harm() {
    let served = fixture::serve().await;
    let mut client = served.plain().await;
    let unknown = client.do_action(Action::new("Fly", "")).await.expect_err("unknown");
    assert_eq!(unknown.code(), Code::Unimplemented);
    for name in ["SetSessionOptions", "GetSessionOptions", "CloseSession"] {
        client.do_action(Action::new(name, "")).await.expect(name);
    }
    let offered = client
        .list_actions(Empty {})
        .await
        .expect("list")
        .into_inner()
        .try_collect::<Vec<_>>()
        .await
        .expect("actions");
    assert!(offered.iter().any(|action| action.r#type == "CancelFlightInfo"));
}

#[tokio::test]
async fn errors_carry_their_reason_and_no_path() {
    let served = fixture::serve().await;
    let mut client = served.plain().await;
    let parse = client.do_get(Ticket::new("SELEC 1")).await.expect_err("parse");
    assert_eq!(
        (parse.code(), rfe_mesh::fault_from_status(&parse).reason.as_str()),
        (Code::InvalidArgument, reason::SQL_INVALID)
    );
    let bind = client.do_get(Ticket::new("SELECT nope FROM finance_csv")).await.expect_err("bind");
    assert_eq!(rfe_mesh::fault_from_status(&bind).reason, reason::SQL_INVALID);
    assert!(
        bind.message().contains("nope")
            && !bind.message().contains(served.folder.path().to_str().expect("path"))
    );
    let gone = served.folder.path().join("processed/nested");
    std::fs::remove_dir_all(gone).expect("remove");
    let lost = client.do_get(Ticket::new("FROM nested")).await.expect_err("lost");
    assert_eq!(lost.code(), Code::Unavailable, "{lost}");
    assert!(!lost.message().contains(served.folder.path().to_str().expect("path")), "{lost}");
}
