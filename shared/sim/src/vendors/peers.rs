//! The simulated vendors, a row each: whoever runs the product without accounts starts them by the names of
//! `providers::vendors` and names none.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use crate::vendors::openai::Script;
use crate::vendors::{deepgram, elevenlabs, openai};

/// A simulated vendor on a loopback socket; stops when dropped.
pub trait VendorPeer: fmt::Debug + Send + Sync {
    /// The base URL, as the vendor's settings want it.
    fn url(&self) -> String;

    /// Where its clients broke the protocol.
    fn violations(&self) -> Vec<String>;
}

/// How one is started.
struct Start {
    listen: SocketAddr,
    key: String,
    /// What a language model says.
    script: Arc<Script>,
}

type Started = BoxFuture<'static, io::Result<Box<dyn VendorPeer>>>;

/// By the vendor's name.
const PEERS: [(&str, fn(Start) -> Started); 3] = [
    ("deepgram", |start| {
        let (listen, behaviour) = (start.listen, deepgram::Behaviour::new(&start.key));
        Box::pin(async move {
            let server = deepgram::Server::start(deepgram::Config { listen, behaviour });
            Ok(Box::new(server.await?) as Box<dyn VendorPeer>)
        })
    }),
    ("openai", |start| {
        let behaviour = openai::Behaviour::new(&start.key, start.script);
        let listen = start.listen;
        Box::pin(async move {
            let server = openai::Server::start(openai::Config { listen, behaviour });
            Ok(Box::new(server.await?) as Box<dyn VendorPeer>)
        })
    }),
    ("elevenlabs", |start| {
        let (listen, behaviour) = (start.listen, elevenlabs::Behaviour::new(&start.key));
        Box::pin(async move {
            let server = elevenlabs::Server::start(elevenlabs::Config { listen, behaviour });
            Ok(Box::new(server.await?) as Box<dyn VendorPeer>)
        })
    }),
];

/// Starts the peer of the vendor with this name, which takes this key.
///
/// # Errors
/// When the address cannot be bound, or no peer has the name.
pub async fn start(
    vendor: &str,
    listen: SocketAddr,
    key: &str,
    script: Arc<Script>,
) -> io::Result<Box<dyn VendorPeer>> {
    let Some((_name, start)) = PEERS.iter().find(|(name, _start)| *name == vendor) else {
        let problem = format!("{vendor} has no simulated peer");
        return Err(io::Error::new(io::ErrorKind::NotFound, problem));
    };
    let key = key.to_owned();
    start(Start {
        listen,
        key,
        script,
    })
    .await
}

impl VendorPeer for deepgram::Server {
    fn url(&self) -> String {
        Self::url(self)
    }

    fn violations(&self) -> Vec<String> {
        Self::violations(self)
    }
}

impl VendorPeer for openai::Server {
    fn url(&self) -> String {
        Self::url(self)
    }

    fn violations(&self) -> Vec<String> {
        Self::violations(self)
    }
}

impl VendorPeer for elevenlabs::Server {
    fn url(&self) -> String {
        Self::url(self)
    }

    fn violations(&self) -> Vec<String> {
        Self::violations(self)
    }
}

#[cfg(test)]
mod tests {
    use providers::vendors::VENDORS;

    use super::*;

    #[test]
    fn every_vendor_has_a_peer() {
        let peers: Vec<_> = PEERS.iter().map(|(name, _start)| *name).collect();
        let vendors: Vec<_> = VENDORS.iter().map(|vendor| vendor.name).collect();
        assert_eq!(peers, vendors);
    }
}
