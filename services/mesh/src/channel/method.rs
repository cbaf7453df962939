//! What kind of call a path is, by the descriptors of the protos.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// How many messages go each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// One request, one answer.
    Unary,
    /// One request, a stream of answers.
    Answers,
    /// A stream of requests.
    Requests,
    /// Not of our protos: Flight, or a stranger's.
    Unknown,
}

impl Method {
    /// True if there is exactly one request.
    pub(crate) fn takes_one(self) -> bool {
        matches!(self, Self::Unary | Self::Answers)
    }
}

// The same bytes for every node of a process, read once.
static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(methods);

/// The kind of the call at a path such as `/rfe.ingest.v1.IngestService/GetJob`.
pub(crate) fn of(path: &str) -> Method {
    METHODS.get(path).copied().unwrap_or(Method::Unknown)
}

fn methods() -> HashMap<String, Method> {
    let files = FileDescriptorSet::decode(rfe_proto::FILE_DESCRIPTOR_SET)
        .expect("the descriptors are generated together with the code")
        .file;
    let mut found = HashMap::from([("/grpc.health.v1.Health/Check".to_owned(), Method::Unary)]);
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                let kind = match (method.client_streaming(), method.server_streaming()) {
                    (true, _) => Method::Requests,
                    (false, true) => Method::Answers,
                    (false, false) => Method::Unary,
                };
                found.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()), kind);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protos_tell_the_kind_of_a_call() {
        assert_eq!(of("/rfe.ingest.v1.IngestService/GetJob"), Method::Unary);
        assert_eq!(of("/rfe.ingest.v1.IngestService/WatchJob"), Method::Answers);
        assert_eq!(of("/rfe.ingest.v1.IngestService/StreamEvents"), Method::Requests);
        assert_eq!(of("/arrow.flight.protocol.FlightService/DoPut"), Method::Unknown);
    }
}
