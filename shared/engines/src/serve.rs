//! Loopback listeners and their graceful end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A port of this machine that only this machine can reach.
pub(super) struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes any free port.
    pub(super) async fn bind() -> io::Result<Self> {
        let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = inner.local_addr()?;
        Ok(Self { inner, address })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// As an IP address: the S3 client then names the bucket in the path.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Everything the engines run, ended together.
pub(super) struct Servers {
    tasks: JoinSet<()>,
    stopping: watch::Receiver<bool>,
    stop_deadline: Duration,
}

impl Servers {
    pub(super) fn new(stopping: watch::Receiver<bool>, stop_deadline: Duration) -> Self {
        Self {
            tasks: JoinSet::new(),
            stopping,
            stop_deadline,
        }
    }

    pub(super) fn serve(&mut self, listener: Listener, router: Router) {
        let stopping = self.stopping.clone();
        let server = axum::serve(
            listener.inner.tap_io(|connection| {
                // Small answers must not wait for a peer's delayed acknowledgement; without it
                // they come late but whole.
                connection.set_nodelay(true).ok();
            }),
            router,
        )
        .with_graceful_shutdown(stop_signal(stopping));
        self.tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an embedded engine stopped serving"
                );
            }
        });
    }

    pub(super) fn spawn_task(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Returns when everything has ended; after a stop was asked for, at the latest at its deadline.
    pub(super) async fn join(mut self) {
        stop_signal(self.stopping.clone()).await;
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.stop_deadline, ended)
            .await
            .is_err()
        {
            tracing::warn!("requests to the embedded engines were cut off at the stop");
            self.tasks.abort_all();
        }
    }
}

/// Ready when a stop is asked for, or nobody is left to ask for one.
pub(super) async fn stop_signal(mut stopping: watch::Receiver<bool>) {
    // An error means that the other end is gone, which is a stop as well.
    stopping.wait_for(|stop| *stop).await.ok();
}
