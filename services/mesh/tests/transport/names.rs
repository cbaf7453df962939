//! A name whose meaning tests change.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rfe_mesh::{
    MeshChannel,
    channel::{Dial, Resolve},
};

/// What every name means now.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<Mutex<Vec<SocketAddr>>>);

impl Names {
    /// Changes the meaning.
    pub fn mean(&self, addresses: impl Into<Vec<SocketAddr>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = addresses.into();
    }

    /// A channel to a name.
    pub fn channel(&self) -> MeshChannel {
        let dial = Dial { resolver: Arc::new(self.clone()), ..Dial::default() };
        MeshChannel::remote("http://role.test:50051", &dial).expect("a channel")
    }
}

#[async_trait::async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!((host, port), ("role.test", 50051));
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
