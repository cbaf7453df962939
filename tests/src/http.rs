//! The HTTP edge, as senders of webhooks meet it.

use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::Value as Json;

use crate::{Platform, Role};

/// What the edge answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// Asserts an error as CONTRACT §6 has it: the status, problem+json, `type` = `urn:rfe:<reason>`.
    ///
    /// # Panics
    /// If it is anything else.
    pub fn is_problem(&self, status: StatusCode, reason: &str) {
        assert_eq!(self.status, status.as_u16(), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:rfe:{reason}"), "{self:?}");
        assert_eq!(problem["status"], status.as_u16(), "{self:?}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{self:?}");
    }
}

/// A request that is being made up.
#[derive(Debug)]
pub struct Call(reqwest::RequestBuilder);

impl Call {
    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Sends a body as `application/json`.
    pub async fn json(self, body: impl Into<String>) -> Reply {
        self.header("content-type", "application/json").body(body.into()).await
    }

    /// Sends a body as it is.
    ///
    /// # Panics
    /// If the edge does not answer.
    pub async fn body(self, body: impl Into<reqwest::Body>) -> Reply {
        let response = self.0.body(body).send().await.expect("the edge answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer can be read");
        Reply { status, headers, text }
    }
}

impl Platform {
    /// A POST to a webhook.
    pub fn webhook(&self, source: &str) -> Call {
        self.call(Method::POST, &format!("/webhooks/{source}"))
    }

    /// A GET of the edge.
    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path).body("").await
    }

    /// True while the edge answers that it is ready.
    pub async fn is_ready(&self) -> bool {
        let answer = Client::new().get(format!("{}/readyz", self.http_url())).send().await;
        answer.is_ok_and(|response| response.status() == StatusCode::OK)
    }

    /// Any call of the edge.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call(Client::new().request(method, format!("{}{path}", self.http_url())))
    }

    /// A GET of a page on the port of a role.
    pub async fn page(&self, role: Role, path: &str) -> Reply {
        self.page_of(role, 0, path).await
    }

    /// A GET of a page on the port of a process of a role.
    pub async fn page_of(&self, role: Role, replica: usize, path: &str) -> Reply {
        let url = format!("http://{}{path}", self.address_of(role, replica));
        Call(Client::new().get(url)).body("").await
    }
}
