//! A scripted HTTP peer on loopback: one reply per request, in order, each on its own connection.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// How a request is met.
pub(super) enum Reply {
    /// These bytes, then the connection closes.
    Http(Vec<u8>),
    /// The connection closes without a byte.
    Close,
    /// Nothing, for as long as the other side waits.
    Silence,
}

/// What came in.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) head: String,
    pub(super) body: String,
}

pub(super) struct Peer {
    url: Url,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

/// A reply with a JSON body.
pub(super) fn json(status: u16, body: &str) -> Reply {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Reply::Http([head.as_bytes(), body.as_bytes()].concat())
}

/// A reply with a page that is no JSON, as proxies send.
pub(super) fn status(status: u16) -> Reply {
    json(status, "<html>no</html>")
}

impl Reply {
    pub(super) fn header(self, line: &str) -> Self {
        let Self::Http(bytes) = self else {
            panic!("no head to add to");
        };
        let text = String::from_utf8(bytes).unwrap();
        Self::Http(
            text.replacen("\r\n", &format!("\r\n{line}\r\n"), 1)
                .into_bytes(),
        )
    }

    /// Only the first bytes of the announced body are sent.
    pub(super) fn cut_to(self, body_bytes: usize) -> Self {
        let Self::Http(mut bytes) = self else {
            panic!("no body to cut");
        };
        let head = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap()
            + 4;
        bytes.truncate(head + body_bytes);
        Self::Http(bytes)
    }
}

impl Peer {
    pub(super) async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut silent = Vec::new();
            for reply in script {
                let (mut socket, _from) = listener.accept().await.unwrap();
                let request = read(&mut socket).await;
                seen.lock().unwrap().push(request);
                match reply {
                    Reply::Http(bytes) => {
                        // The other side may leave before the end of a reply that is too long.
                        let _sent = socket.write_all(&bytes).await.is_ok();
                        let _closed = socket.shutdown().await.is_ok();
                    }
                    Reply::Close => {}
                    Reply::Silence => silent.push(socket),
                }
            }
            // Stays until it is stopped, so that "nobody listens" is said by a test, not by chance.
            std::future::pending::<()>().await;
        });
        Self {
            url: Url::parse(&format!("http://{address}")).unwrap(),
            requests,
            task,
        }
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Closes the port.
    pub(super) async fn stop(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|ended| ended.is_cancelled()));
    }
}

async fn read(socket: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        assert_ne!(
            socket.read_buf(&mut bytes).await.unwrap(),
            0,
            "the head broke off"
        );
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse::<usize>().unwrap());
    while bytes.len() < head_end + length {
        assert_ne!(
            socket.read_buf(&mut bytes).await.unwrap(),
            0,
            "the body broke off"
        );
    }
    Request {
        line: head.lines().next().unwrap().to_owned(),
        head,
        body: String::from_utf8(bytes[head_end..].to_vec()).unwrap(),
    }
}
