//! How HTTP requests to vendors are made: pooled connections, bounded waits for connecting.

use std::time::Duration;

use conversation::FailureKind;

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

pub(crate) fn client() -> Result<reqwest::Client, SetupProblem> {
    let mut tls = tls::configuration()?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
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
