//! A vendor's socket through a proxy on loopback that takes `CONNECT` and nothing else.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, copy_bidirectional};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::socket::{self, Incoming, Target};
use crate::testing::{Far, QUICK, next, settings, within, write};
use crate::{http_client, tls};
use conversation::FailureKind;

/// `me:s3cret`.
const AUTHORIZATION: &str = "Proxy-Authorization: Basic bWU6czNjcmV0";

/// A proxy. It knows one vendor, at the far side of these tests.
struct Proxy {
    listener: TcpListener,
    url: String,
}

impl Proxy {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self {
            listener,
            url: format!("http://me:s3cret@127.0.0.1:{port}"),
        }
    }

    /// What the first request says; it is answered with this.
    async fn asked(&self, answer: &str) -> (String, tokio::net::TcpStream) {
        let (mut near, _) = self.listener.accept().await.unwrap();
        let head = crate::testing::read_head(&mut near).await;
        write(&mut near, answer.as_bytes()).await;
        (String::from_utf8(head).unwrap(), near)
    }
}

fn target(proxy: &str, url: &str) -> Target {
    let settings = settings(&[("HTTPS_PROXY", proxy), ("HTTP_PROXY", proxy)]);
    Target {
        vendor: "deepgram",
        leg: "recognition",
        url: url.parse().unwrap(),
        key: None,
        tls: std::sync::Arc::new(tls::configuration().unwrap()),
        proxies: settings.proxies,
        timing: QUICK,
        refused: |_status, _headers, _body| FailureKind::Refused,
    }
}

#[tokio::test]
async fn a_vendors_socket_goes_through_the_proxy() {
    let (far, proxy) = (Far::new().await, Proxy::new().await);
    // The name is the proxy's to look up: nobody here knows it.
    let target = target(&proxy.url, "ws://vendor.example:8443/v1/listen");
    let near = tokio::spawn(socket::connect(target));
    let ok = "HTTP/1.1 200 Connection established\r\nVia: a proxy\r\n\r\n";
    let (request, mut from) = within(proxy.asked(ok)).await;
    let lines: Vec<&str> = request.lines().collect();
    assert_eq!(lines[0], "CONNECT vendor.example:8443 HTTP/1.1");
    assert_eq!(lines[1], "Host: vendor.example:8443");
    assert_eq!(lines[2], AUTHORIZATION);
    let to = far.base.socket_addrs(|| None).unwrap()[0];
    let mut to = tokio::net::TcpStream::connect(to).await.unwrap();
    let copied = tokio::spawn(async move { copy_bidirectional(&mut from, &mut to).await });
    let (mut vendor, handshake) = far.accept().await;
    assert_eq!(handshake.path_and_query, "/v1/listen");
    assert!(!handshake.headers.contains_key("proxy-authorization"));
    let mut socket = within(near).await.unwrap().unwrap();
    futures_util::SinkExt::send(&mut vendor, Message::text("hello"))
        .await
        .unwrap();
    loop {
        match next(|cx| socket.poll(cx)).await.unwrap() {
            Incoming::Text(text) => break assert_eq!(text.as_str(), "hello"),
            Incoming::Beat => {}
            Incoming::Binary => panic!("nobody sent that"),
        }
    }
    copied.abort();
}

#[tokio::test]
async fn an_encrypted_socket_is_encrypted_to_the_vendor_and_not_to_the_proxy() {
    let proxy = Proxy::new().await;
    let target = target(&proxy.url, "wss://vendor.example/v1/listen");
    let near = tokio::spawn(socket::connect(target));
    let (request, mut near_side) = within(proxy.asked("HTTP/1.0 200 OK\r\n\r\n")).await;
    assert!(request.starts_with("CONNECT vendor.example:443 HTTP/1.1\r\n"));
    // The first byte of a TLS handshake (RFC 8446, 5.1): the proxy reads no more than that.
    let mut first = [0; 1];
    within(near_side.read_exact(&mut first)).await.unwrap();
    assert_eq!(first, [22]);
    near.abort();
}

#[tokio::test]
async fn a_proxy_that_refuses_is_no_connection() {
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ] {
        let proxy = Proxy::new().await;
        let target = target(&proxy.url, "wss://vendor.example/v1/listen");
        let near = tokio::spawn(socket::connect(target));
        let (_request, _near_side) = within(proxy.asked(answer)).await;
        let failure = within(near).await.unwrap().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Connect, "{answer}");
    }
}

#[test]
fn what_is_told_of_a_proxy_says_what_it_wants() {
    for (head, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", Some(200)),
        ("HTTP/1.0 407 Who are you?\r\n\r\n", Some(407)),
        ("HTTP/2 200\r\n\r\n", None),
        ("\r\n\r\n", None),
        ("HTTP/1.1 2\r\n\r\n", None),
    ] {
        let status = super::status(head.as_bytes()).map(|status| status.as_u16());
        assert_eq!(status, expected, "{head}");
    }
    assert!(super::ProxyProblem::Credentials.to_string().contains("407"));
}

#[tokio::test]
async fn this_machine_is_reached_without_the_proxy() {
    let far = Far::new().await;
    // Nobody listens there.
    let mut url = far.base.clone();
    url.set_scheme("ws").unwrap();
    let target = target("http://127.0.0.1:9", url.as_str());
    let (connected, _vendor) = tokio::join!(socket::connect(target), far.accept());
    drop(connected.unwrap());
}

#[tokio::test]
async fn requests_over_http_go_through_the_proxy_too_and_not_to_this_machine() {
    let (far, proxy) = (Far::new().await, Proxy::new().await);
    let set = settings(&[("HTTPS_PROXY", &proxy.url), ("HTTP_PROXY", &proxy.url)]);
    let client = http_client::client(&set.proxies).unwrap();
    let there: Url = "https://vendor.example/v1/models".parse().unwrap();
    let asked = client.get(there).timeout(Duration::from_secs(10)).send();
    let refused = "HTTP/1.1 403 Forbidden\r\n\r\n";
    let (answer, (request, _near)) = tokio::join!(asked, within(proxy.asked(refused)));
    assert!(answer.unwrap_err().is_connect());
    assert!(
        request.starts_with("CONNECT vendor.example:443 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request
            .to_ascii_lowercase()
            .contains(&AUTHORIZATION.to_ascii_lowercase()),
        "{request}"
    );

    let here = client.get(far.base.clone()).send();
    let ok = "HTTP/1.1 204 No Content\r\n\r\n";
    let (answer, ()) = tokio::join!(here, far.answer(ok));
    assert_eq!(answer.unwrap().status(), 204);
}
