//! The connection beneath a vendor's socket: straight to the vendor, or through a proxy by HTTP CONNECT
//! (RFC 9110, 9.3.6). What the proxy is told is the vendor's host and port, and its own password.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use conversation::FailureKind;
use http::StatusCode;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use settings::{Proxies, Proxy};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

/// The connection before the vendor's own TLS.
pub(crate) enum Wire {
    Plain(TcpStream),
    /// To a proxy that is encrypted itself; boxed, since hardly any is.
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// The longest head of a proxy's answer that is read. Beyond, it is no proxy.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Whether it was told that a proxy lets us not through, and none has let us through since: each call would
/// tell it anew.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Why a proxy is no way.
#[derive(Debug, thiserror::Error)]
enum ProxyProblem {
    #[error("it cannot be reached ({0})")]
    Unreachable(io::ErrorKind),
    #[error("it answers with status {0}")]
    Refused(u16),
    #[error("it wants a user and a password that it takes (status 407)")]
    Credentials,
    #[error("it does not speak HTTP")]
    Protocol,
}

/// Connects to the host of `url`.
pub(crate) async fn open(
    vendor: &'static str,
    url: &Url,
    proxies: &Proxies,
    tls: &Arc<ClientConfig>,
) -> Result<Wire, FailureKind> {
    let Some(host) = url.host() else {
        return Err(FailureKind::Refused);
    };
    let port = url.port_or_known_default().unwrap_or(443);
    let Some(proxy) = proxies.to(url) else {
        let tcp = tcp(host, port).await.map_err(|error| {
            tracing::debug!(vendor, error = %error.kind(), "no connection to the vendor");
            FailureKind::Connect
        })?;
        return Ok(Wire::Plain(tcp));
    };
    match through(&proxy, &host, port, tls).await {
        Ok(wire) => {
            TOLD.store(false, Ordering::Relaxed);
            Ok(wire)
        }
        Err(problem) => {
            if TOLD.swap(true, Ordering::Relaxed) {
                tracing::debug!(vendor, %proxy, %problem, "the proxy does not let us through");
            } else {
                tracing::warn!(vendor, %proxy, %problem, "the proxy does not let us through");
            }
            Err(FailureKind::Connect)
        }
    }
}

async fn tcp(host: Host<&str>, port: u16) -> io::Result<TcpStream> {
    let tcp = match host {
        Host::Domain(name) => TcpStream::connect((name, port)).await,
        Host::Ipv4(address) => TcpStream::connect((address, port)).await,
        Host::Ipv6(address) => TcpStream::connect((address, port)).await,
    }?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

async fn through(
    proxy: &Proxy,
    host: &Host<&str>,
    port: u16,
    tls: &Arc<ClientConfig>,
) -> Result<Wire, ProxyProblem> {
    let unreachable = |error: io::Error| ProxyProblem::Unreachable(error.kind());
    let at = proxy.host().ok_or(ProxyProblem::Protocol)?;
    let name = at.to_string();
    let tcp = tcp(at, proxy.port()).await.map_err(unreachable)?;
    let mut wire = if proxy.is_encrypted() {
        let name = name.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_no_name| ProxyProblem::Protocol)?;
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
        Wire::Encrypted(Box::new(secured.map_err(unreachable)?))
    } else {
        Wire::Plain(tcp)
    };
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    ask(&mut wire, &request).await?;
    Ok(wire)
}

/// Sends the request and reads its answer, to the end of its head and no further.
async fn ask(
    wire: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &[u8],
) -> Result<(), ProxyProblem> {
    let lost = |error: io::Error| ProxyProblem::Unreachable(error.kind());
    wire.write_all(request).await.map_err(lost)?;
    wire.flush().await.map_err(lost)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX {
            return Err(ProxyProblem::Protocol);
        }
        // What comes behind the head is the vendor's: byte by byte, once a connection.
        head.push(wire.read_u8().await.map_err(lost)?);
    }
    match status(&head) {
        Some(status) if status.is_success() => Ok(()),
        Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => Err(ProxyProblem::Credentials),
        Some(status) => Err(ProxyProblem::Refused(status.as_u16())),
        None => Err(ProxyProblem::Protocol),
    }
}

/// The status in `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<StatusCode> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.")?;
    StatusCode::from_bytes(rest.get(2..5)?).ok()
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_read(cx, buffer),
            Self::Encrypted(wire) => Pin::new(wire).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write(cx, bytes),
            Self::Encrypted(wire) => Pin::new(wire).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write_vectored(cx, pieces),
            Self::Encrypted(wire) => Pin::new(wire).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(wire) => wire.is_write_vectored(),
            Self::Encrypted(wire) => wire.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Self::Encrypted(wire) => Pin::new(wire).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Self::Encrypted(wire) => Pin::new(wire).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests;
