//! `[mesh]`: the roles as services, where they listen and where they are called.

use std::net::SocketAddr;

use rfe_mesh::tokens::listener::may_listen;
use serde::Deserialize;

use super::{Config, ConfigError};
use crate::RoleName;

/// `[mesh]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeshSection {
    /// Where ingest listens.
    pub ingest_addr: SocketAddr,
    /// Where metadata listens.
    pub metadata_addr: SocketAddr,
    /// Where the scheduler listens.
    pub scheduler_addr: SocketAddr,
    /// Where dlq listens.
    pub dlq_addr: SocketAddr,
    /// Where query listens.
    pub query_addr: SocketAddr,
    /// Where workers listen.
    pub worker_addr: SocketAddr,
    /// Where ingest is called.
    pub ingest_url: String,
    /// Where metadata is called.
    pub metadata_url: String,
    /// Where the scheduler is called.
    pub scheduler_url: String,
    /// Where dlq is called.
    pub dlq_url: String,
    /// Where query is called.
    pub query_url: String,
    /// Where workers are called.
    pub worker_url: String,
    /// Seconds between saying that it drains and beginning to.
    pub announce_seconds: f64,
}

// === impl MeshSection ===

impl MeshSection {
    /// The URLs of a role, and the setting that has them. Nobody calls the edge.
    pub fn urls(&self, role: RoleName) -> Option<(&'static str, &str)> {
        match role {
            RoleName::Edge => None,
            RoleName::Ingest => Some(("RFE_INGEST_URL", &self.ingest_url)),
            RoleName::Worker => Some(("RFE_WORKER_URL", &self.worker_url)),
            RoleName::Scheduler => Some(("RFE_SCHEDULER_URL", &self.scheduler_url)),
            RoleName::Metadata => Some(("RFE_METADATA_URL", &self.metadata_url)),
            RoleName::Dlq => Some(("RFE_DLQ_URL", &self.dlq_url)),
            RoleName::Query => Some(("RFE_QUERY_URL", &self.query_url)),
        }
    }
}

// === impl Config ===

impl Config {
    /// Where a role of `rfe serve` listens, and the setting that says so.
    pub fn listens(&self, role: RoleName) -> (&'static str, SocketAddr) {
        let mesh = &self.mesh;
        match role {
            RoleName::Edge => ("RFE_EDGE_ADDR", self.http_addr),
            RoleName::Ingest => ("RFE_INGEST_ADDR", mesh.ingest_addr),
            RoleName::Worker => ("RFE_WORKER_ADDR", mesh.worker_addr),
            RoleName::Scheduler => ("RFE_SCHEDULER_ADDR", mesh.scheduler_addr),
            RoleName::Metadata => ("RFE_METADATA_ADDR", mesh.metadata_addr),
            RoleName::Dlq => ("RFE_DLQ_ADDR", mesh.dlq_addr),
            RoleName::Query => ("RFE_QUERY_ADDR", mesh.query_addr),
        }
    }

    /// Whether `rfe serve` can play these roles as it is configured: each has its backends, may listen where it is told to, and has a
    /// token for those that it calls.
    ///
    /// # Errors
    /// Names the role and the setting.
    pub fn check_roles(&self, roles: &[RoleName]) -> Result<(), ConfigError> {
        let wrong = |text: String| Err(ConfigError::Setting(text));
        for role in roles {
            let has = [
                (role.needs_registry(), self.registry.url.is_some(), "RFE_POSTGRES_URL"),
                (role.needs_queue(), self.queue.url.is_some(), "RFE_REDIS_URL"),
                (role.needs_lake(), self.lake.endpoint.is_some(), "MINIO_ENDPOINT"),
            ];
            if let Some((.., name)) = has.into_iter().find(|(needed, set, _)| *needed && !set) {
                return wrong(format!(
                    "the role {role} needs {name}, which is not set; `rfe up` runs every role without backends"
                ));
            }
            let (name, address) = self.listens(*role);
            may_listen(name, address, self.door.tokens_file.is_some(), self.insecure)
                .map_err(ConfigError::Setting)?;
        }
        let is_elsewhere = |role: &RoleName| !roles.contains(role);
        if roles.iter().any(|role| role.calls().iter().any(is_elsewhere)) {
            self.door.has_token_for_others().map_err(ConfigError::Setting)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Flags, load},
        *,
    };

    fn config(variables: &[(&str, &str)]) -> Config {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(owned, &Flags::default()).expect("it loads").config
    }

    #[test]
    fn a_role_without_its_backend_names_both() {
        let without = config(&[]);
        for (role, name) in [
            (RoleName::Metadata, "RFE_POSTGRES_URL"),
            (RoleName::Ingest, "RFE_REDIS_URL"),
            (RoleName::Query, "MINIO_ENDPOINT"),
        ] {
            let told = without.check_roles(&[role]).expect_err("refused").to_string();
            assert!(told.contains(name) && told.contains(&format!("the role {role}")), "{told}");
        }
        assert!(without.check_roles(&[RoleName::Edge, RoleName::Dlq]).is_ok(), "they need none");
        let with = config(&[("RFE_REDIS_URL", "redis://redis")]);
        assert!(with.check_roles(&[RoleName::Ingest]).is_ok());
    }

    #[test]
    fn a_role_that_listens_to_the_world_needs_tokens_and_one_for_the_others() {
        let open = config(&[("RFE_DLQ_ADDR", "0.0.0.0:50054")]);
        let told = open.check_roles(&[RoleName::Dlq]).expect_err("refused").to_string();
        assert!(told.contains("RFE_DLQ_ADDR") && told.contains("RFE_INSECURE"), "{told}");
        assert!(open.check_roles(&[RoleName::Edge]).is_ok(), "it listens elsewhere");
        let half = config(&[("RFE_TOKENS_FILE", "/t.toml")]);
        let told = half.check_roles(&[RoleName::Dlq]).expect_err("refused").to_string();
        assert!(told.contains("RFE_TOKEN"), "{told}");
    }

    #[test]
    fn who_calls_nobody_in_another_process_needs_no_token_for_others() {
        let guarded = config(&[
            ("RFE_POSTGRES_URL", "postgres://p/p"),
            ("RFE_REDIS_URL", "redis://redis"),
            ("MINIO_ENDPOINT", "http://minio"),
            ("MINIO_ACCESS_KEY", "a"),
            ("MINIO_SECRET_KEY", "s"),
            ("RFE_TOKENS_FILE", "/t.toml"),
        ]);
        let within = [RoleName::Metadata, RoleName::Ingest, RoleName::Worker, RoleName::Query];
        for roles in [&[RoleName::Metadata][..], &within, &RoleName::ALL] {
            assert!(guarded.check_roles(roles).is_ok(), "{roles:?}");
        }
        for roles in [&[RoleName::Worker][..], &[RoleName::Metadata, RoleName::Ingest], &[RoleName::Edge]] {
            let told = guarded.check_roles(roles).expect_err("refused").to_string();
            assert!(told.contains("RFE_TOKEN"), "{roles:?}: {told}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_told_with_its_variable() {
        let variables = [("RFE_WORKER_ADDR".to_owned(), "worker".to_owned())];
        let told = load(variables, &Flags::default()).expect_err("refused").to_string();
        assert!(told.contains("RFE_WORKER_ADDR") && told.contains("worker"), "{told}");
    }
}
