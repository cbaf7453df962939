//! What the role needs, and its routes.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, StatusCode, header};
use rfe_mesh::{MeshChannel, Shutdown, pages::Pages, tokens::Tokens};
use rfe_model::secret::SecretStore;
use rfe_proto::dlq::dlq_service_client::DlqServiceClient;

use crate::{
    Config, body::Budget, groups::Groups, observed, observed::Observed, openapi, outcomes::Outcomes,
    problem::Problem, replay, sources::Sources, webhook,
};

/// What the role needs.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The way to the metadata role.
    pub metadata: MeshChannel,
    /// The way to ingest.
    pub ingest: MeshChannel,
    /// The way to dlq.
    pub dlq: MeshChannel,
    /// Where secrets of `verify` come from.
    pub secrets: Arc<dyn SecretStore>,
    /// What a replay needs one of; `None` if anybody may.
    pub tokens: Option<Tokens>,
    /// The process's pages.
    pub pages: Pages,
    /// The process's shutdown.
    pub shutdown: Shutdown,
}

/// What handlers share.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) config: Config,
    pub(crate) sources: Sources,
    pub(crate) groups: Groups,
    pub(crate) dlq: DlqServiceClient<MeshChannel>,
    pub(crate) budget: Budget,
    pub(crate) outcomes: Outcomes,
    pub(crate) tokens: Option<Tokens>,
    pages: Pages,
    openapi: String,
}

/// The edge as a service for `rfe_mesh::server::spawn`.
pub fn service(config: Config, deps: Deps) -> Router {
    let observed = Observed::new(&deps.pages.metrics);
    let edge = Arc::new(Edge {
        sources: Sources::new(&config, deps.metadata, deps.secrets),
        groups: Groups::new(&config, deps.ingest, deps.shutdown),
        dlq: replay::client(deps.dlq),
        budget: Budget::new(config.body_budget),
        outcomes: Outcomes::new(&deps.pages.metrics),
        tokens: deps.tokens,
        pages: deps.pages,
        openapi: openapi::document().to_string(),
        config,
    });
    Router::new()
        .route("/webhooks/replay", post(replay::receive))
        .route("/webhooks/{source}", post(webhook::receive))
        .route("/healthz", get(page))
        .route("/readyz", get(page))
        .route("/metrics", get(page))
        .route("/openapi.json", get(description))
        .fallback(async |request: Request| Problem::route_not_found(request.uri().path()))
        .method_not_allowed_fallback(async |request: Request| {
            Problem::method_not_allowed(request.method(), request.uri().path())
        })
        .with_state(edge)
        .layer(middleware::from_fn_with_state(observed, observed::observe))
}

async fn page(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    match edge.pages.answer(&request) {
        Some(page) => page.map(axum::body::Body::new),
        None => Problem::route_not_found(request.uri().path()).into_response(),
    }
}

async fn description(State(edge): State<Arc<Edge>>) -> Response {
    let mut response = (StatusCode::OK, edge.openapi.clone()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
