//! The far side of a connection, for tests: a real socket on loopback that does as it is told.
//!
//! `sim::vendors` cannot be it: `sim` is built on this crate.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use url::Url;

use crate::socket::Timing;

/// Every test ends within this, or fails.
const TEST_MAX: Duration = Duration::from_secs(20);

/// A beat that tests do not wait long for, and time enough to connect on a busy machine.
pub(crate) const QUICK: Timing = Timing {
    connect: Duration::from_secs(10),
    beat: Duration::from_millis(60),
};

/// Settings with these variables.
pub(crate) fn settings(variables: &[(&str, &str)]) -> settings::Settings {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    settings::Settings::from_variables(&variables.collect()).unwrap()
}

/// A server's socket, not yet accepting.
pub(crate) struct Far {
    listener: TcpListener,
    pub(crate) base: Url,
}

/// A handshake as the server saw it.
pub(crate) struct Handshake {
    pub(crate) path_and_query: String,
    pub(crate) headers: http::HeaderMap,
}

impl Far {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = Url::parse(&format!("http://{address}")).unwrap();
        Self { listener, base }
    }

    /// Accepts a connection and no more.
    pub(crate) async fn accept_tcp(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Accepts a WebSocket.
    pub(crate) async fn accept(&self) -> (WebSocketStream<TcpStream>, Handshake) {
        let mut handshake = None;
        #[expect(
            clippy::result_large_err,
            reason = "the callback's type is the library's"
        )]
        let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            handshake = Some(Handshake {
                path_and_query: request.uri().path_and_query().unwrap().to_string(),
                headers: request.headers().clone(),
            });
            Ok(response)
        };
        let tcp = self.accept_tcp().await;
        let socket = tokio_tungstenite::accept_hdr_async(tcp, note)
            .await
            .unwrap();
        (socket, handshake.unwrap())
    }

    /// Reads a request's head and answers it with these bytes.
    pub(crate) async fn answer(&self, answer: &str) {
        let mut tcp = self.accept_tcp().await;
        read_head(&mut tcp).await;
        write(&mut tcp, answer.as_bytes()).await;
    }
}

/// Reads up to the empty line that ends a request's head, and gives what was read so far.
pub(crate) async fn read_head(tcp: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        tcp.readable().await.unwrap();
        match tcp.try_read_buf(&mut head) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
    head
}

pub(crate) async fn write(tcp: &mut TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        tcp.writable().await.unwrap();
        match tcp.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap(),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
}

/// The next event of something that is polled.
pub(crate) async fn next<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    within(poll_fn(|cx| poll(cx))).await
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_MAX, future)
        .await
        .expect("nothing happened for too long")
}
