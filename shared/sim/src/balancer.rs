//! A load balancer for workers, on loopback: forwards each connection to the healthy target that has the
//! fewest, and finds out by itself who is healthy.
//!
//! It works on bytes, as the network load balancers do that stand before media workers. A target is
//! healthy when `GET /health` answers 200; one that is not keeps the connections that it has.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How often every target is asked for its health.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How long an answer, or a connection, may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Targets of one balancer.
const TARGETS_MAX: usize = 16;

/// A running balancer. It stops when it is dropped, with all its connections.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    targets: Arc<Mutex<Vec<Arc<Target>>>>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Target {
    address: SocketAddr,
    healthy: AtomicBool,
    connections: AtomicUsize,
    cut: CancellationToken,
}

impl Balancer {
    /// Starts without targets: connections are refused until there is a healthy one.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let targets = Arc::new(Mutex::new(Vec::new()));
        let stop = CancellationToken::new();
        let accepting = accept(listener, Arc::clone(&targets), stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
        let asking = ask(Arc::clone(&targets));
        tokio::spawn(stop.clone().run_until_cancelled_owned(asking));
        Ok(Self {
            address,
            targets,
            stop,
        })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a target and waits until it is healthy. `false` when it is not within `longest`, or there are
    /// too many.
    pub async fn add(&self, address: SocketAddr, longest: Duration) -> bool {
        let target = Arc::new(Target {
            address,
            healthy: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            cut: CancellationToken::new(),
        });
        {
            let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
            if targets.len() >= TARGETS_MAX {
                return false;
            }
            targets.push(Arc::clone(&target));
        }
        let healthy = async {
            while !target.healthy.load(Ordering::Relaxed) {
                tokio::time::sleep(ASK_EVERY / 10).await;
            }
        };
        tokio::time::timeout(longest, healthy).await.is_ok()
    }

    /// Takes a target out. Connections to it go on.
    pub fn remove(&self, address: SocketAddr) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.retain(|target| target.address != address);
    }

    /// Takes a target out and breaks every connection to it, as if its machine were gone.
    pub fn cut(&self, address: SocketAddr) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.retain(|target| {
            let stays = target.address != address;
            if !stays {
                target.cut.cancel();
            }
            stays
        });
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    targets: Arc<Mutex<Vec<Arc<Target>>>>,
    stop: CancellationToken,
) {
    loop {
        // Without a free file a moment later there may be one.
        let Ok((client, _from)) = listener.accept().await else {
            tokio::time::sleep(ASK_EVERY).await;
            continue;
        };
        let forwarding = forward(client, Arc::clone(&targets));
        tokio::spawn(stop.clone().run_until_cancelled_owned(forwarding));
    }
}

/// Connects to the healthy target with the fewest connections; one that refuses is not healthy.
async fn forward(mut client: TcpStream, targets: Arc<Mutex<Vec<Arc<Target>>>>) {
    loop {
        let chosen = {
            let targets = targets.lock().unwrap_or_else(PoisonError::into_inner);
            let healthy = targets
                .iter()
                .filter(|target| target.healthy.load(Ordering::Relaxed));
            healthy
                .min_by_key(|target| target.connections.load(Ordering::Relaxed))
                .cloned()
        };
        // Dropping the client is how it is told that nobody is there.
        let Some(target) = chosen else { return };
        target.connections.fetch_add(1, Ordering::Relaxed);
        let connected = TcpStream::connect(target.address);
        let connected = tokio::time::timeout(ANSWER_MAX, connected).await;
        if let Ok(Ok(mut worker)) = connected {
            // Best effort: without it small messages wait for acknowledgements.
            let _slower = (client.set_nodelay(true), worker.set_nodelay(true));
            // Whichever side broke, the other is told by the drop of both.
            let copying = tokio::io::copy_bidirectional(&mut client, &mut worker);
            let _broken = target.cut.run_until_cancelled(copying).await;
            target.connections.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        target.connections.fetch_sub(1, Ordering::Relaxed);
        target.healthy.store(false, Ordering::Relaxed);
    }
}

async fn ask(targets: Arc<Mutex<Vec<Arc<Target>>>>) {
    loop {
        let all = {
            let targets = targets.lock().unwrap_or_else(PoisonError::into_inner);
            targets.clone()
        };
        for target in all {
            let answer = tokio::time::timeout(ANSWER_MAX, is_healthy(target.address)).await;
            let healthy = matches!(answer, Ok(Ok(true)));
            target.healthy.store(healthy, Ordering::Relaxed);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn is_healthy(address: SocketAddr) -> io::Result<bool> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut status = [0; b"HTTP/1.1 200".len()];
    connection.read_exact(&mut status).await?;
    Ok(status.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every connection with this status and counts them.
    async fn target(status: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut head = [0; 16];
                let read = connection.read(&mut head).await.unwrap();
                if head[..read].starts_with(b"GET /call") {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (address, asked)
    }

    async fn call(balancer: &Balancer) -> Option<String> {
        let mut connection = TcpStream::connect(balancer.address).await.unwrap();
        connection
            .write_all(b"GET /call HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.ok()?;
        answer.split(' ').nth(1).map(str::to_owned)
    }

    #[tokio::test]
    async fn only_a_target_that_is_healthy_gets_calls() {
        let balancer = Balancer::start().await.unwrap();
        assert_eq!(call(&balancer).await, None);
        let (stopping, asked) = target("503 Service Unavailable").await;
        let soon = Duration::from_millis(300);
        assert!(!balancer.add(stopping, soon).await);
        let (serving, served) = target("200 OK").await;
        assert!(balancer.add(serving, Duration::from_secs(10)).await);
        for _ in 0..3 {
            assert_eq!(call(&balancer).await.as_deref(), Some("200"));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        assert_eq!(served.load(Ordering::Relaxed), 3);
        balancer.remove(serving);
        assert_eq!(call(&balancer).await, None);
    }
}
