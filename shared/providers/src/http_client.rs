//! How HTTP requests to vendors are made: pooled connections, bounded waits for connecting.

use std::io::ErrorKind;
use std::time::Duration;

use conversation::FailureKind;
use settings::Proxies;
use url::Url;

use crate::{SetupProblem, tls};

/// Longest time to connect, name and TLS included: the next vendor waits.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Idle connections stay this long: longer than the pauses between the turns of a call.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// Idle connections of one host that are kept (HTTP/1.1 has one for each request under way).
const IDLE_CONNECTIONS_MAX: usize = 256;

/// An HTTP/2 connection that does not answer a ping within this is given up...
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// ...and is pinged this often, also when idle, so that a dead one is noticed before a turn needs it.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// Requests go by way of these proxies and of no other: the library would ask the environment by itself, for
/// this machine's own addresses too.
pub fn through(client: reqwest::ClientBuilder, proxies: &Proxies) -> reqwest::ClientBuilder {
    if proxies.are_none() {
        return client.no_proxy();
    }
    let proxies = proxies.clone();
    let way = move |url: &Url| proxies.to(url).map(|proxy| proxy.with_password());
    client.proxy(reqwest::Proxy::custom(way))
}

pub(crate) fn client(proxies: &Proxies) -> Result<reqwest::Client, SetupProblem> {
    let mut tls = tls::configuration()?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    through(reqwest::Client::builder(), proxies)
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
        // A key must not follow to wherever a vendor points.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_MAX)
        .tcp_nodelay(true)
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .build()
        .map_err(SetupProblem::Http)
}

/// What happened to a request that was not answered, for a person: without the address, and without the words
/// of the libraries below. `allowed` is the time that it had.
#[must_use]
pub fn what_happened(error: &reqwest::Error, allowed: Duration) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", allowed.as_secs());
    }
    let mut io = None;
    let mut says = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            io = Some(error.kind());
        }
        if error.is::<rustls::Error>() {
            return no_tls(&error.to_string());
        }
        says.push_str(&error.to_string());
        says.push('\n');
        // The library below hides what an error of its own holds behind `get_ref`.
        let held = error.downcast_ref::<std::io::Error>();
        cause = match held.and_then(std::io::Error::get_ref) {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    if says.contains("dns error") {
        return "its name is not known (DNS)".to_owned();
    }
    if says.contains("tunnel error") {
        return "the proxy on the way there does not let us through".to_owned();
    }
    let what = match io {
        Some(ErrorKind::ConnectionRefused) => "the connection is refused: nobody listens there",
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            "there is no way to it from this network"
        }
        Some(_) => "the connection breaks",
        None if error.is_connect() => "there is no connection",
        None => "the answer breaks off or is not HTTP",
    };
    what.to_owned()
}

fn no_tls(says: &str) -> String {
    let why = if says.contains("certificate") {
        "its certificate is not for this name, not trusted or not valid now"
    } else {
        "what answers does not speak TLS"
    };
    format!("no encrypted connection: {why}")
}

/// What an error of the HTTP library means. Its text is not kept: it can hold addresses.
pub(crate) fn failed(error: &reqwest::Error) -> FailureKind {
    if error.is_builder() {
        FailureKind::Refused
    } else if error.is_connect() {
        if error.is_timeout() {
            FailureKind::ConnectTimeout
        } else {
            FailureKind::Connect
        }
    } else if error.is_timeout() {
        FailureKind::Silent
    } else {
        FailureKind::Closed
    }
}
