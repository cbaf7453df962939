//! What a role hands to the node.

use std::{convert::Infallible, fmt, future::Future, pin::Pin};

use tonic::{body::Body, server::NamedService, service::RoutesBuilder};
use tower::Service;

type Register = Box<dyn Fn(&mut RoutesBuilder) + Send>;
/// What runs until shutdown.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A built role: services to register and tasks to run until shutdown.
pub struct Role {
    name: &'static str,
    services: Vec<&'static str>,
    registers: Vec<Register>,
    tasks: Vec<(&'static str, Task)>,
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Role")
            .field("name", &self.name)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

impl Role {
    /// A role without services and tasks.
    pub fn new(name: &'static str) -> Self {
        Self { name, services: Vec::new(), registers: Vec::new(), tasks: Vec::new() }
    }

    /// Adds a gRPC service.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.services.push(S::NAME);
        self.registers.push(Box::new(move |routes| {
            routes.add_service(service.clone());
        }));
        self
    }

    /// Adds a task; it must end soon after the process's shutdown begins.
    #[must_use]
    pub fn task(mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> Self {
        self.tasks.push((name, Box::pin(task)));
        self
    }

    /// The role's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The full names of its gRPC services.
    pub fn services(&self) -> &[&'static str] {
        &self.services
    }

    /// Adds the services to routes; several routes may have them.
    pub fn add_services(&self, routes: &mut RoutesBuilder) {
        for register in &self.registers {
            register(routes);
        }
    }

    /// The tasks, to be spawned once the routes are known.
    pub fn into_tasks(self) -> Vec<(&'static str, Task)> {
        self.tasks
    }

    /// Registers the services and gives the tasks back to be spawned.
    pub fn register(self, routes: &mut RoutesBuilder) -> Vec<(&'static str, Task)> {
        self.add_services(routes);
        self.tasks
    }
}
