//! Twilio's request signatures (`X-Twilio-Signature`): HMAC-SHA1 over the URL and the fields.
//!
//! Pure. The URL is always the one that Twilio was given, rebuilt by the customer from a configured
//! public base, the received path and the raw query; never from `Host` or forwarded headers, which
//! the sender chooses. The rules and where the vectors in the tests come from:
//! `docs/protocols/twilio-voice.md#webhook-signature`, `docs/protocols/twilio-voice.md#signature-of-a-media-socket`.
//!
//! During a rotation of the auth token two tokens are accepted ([`Tokens::with_previous`]). Every
//! candidate is computed and compared in constant time whether or not an earlier one matched.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use settings::Secret;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// The header that carries the signature, in the lower case of `http::HeaderMap`.
pub const HEADER: &str = "x-twilio-signature";

/// The query parameter that carries the hash of a JSON body.
const BODY_HASH: &str = "bodySHA256";

/// The auth tokens that signatures are believed with.
#[derive(Debug, Clone)]
pub struct Tokens {
    primary: Secret,
    previous: Option<Secret>,
}

/// Why a request is not believed. The answer to the sender is 403 (close code 1008 on a socket) and
/// does not say which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    #[error("the signature header is missing")]
    Missing,
    #[error("the signature does not match")]
    Mismatch,
    #[error("the body does not match the hash in the URL")]
    BodyHash,
    #[error("the URL has no host")]
    Url,
}

impl Tokens {
    #[must_use]
    pub const fn new(primary: Secret) -> Self {
        Self {
            primary,
            previous: None,
        }
    }

    /// Accepts signatures of the previous token too, for the short while of a rotation.
    #[must_use]
    pub fn with_previous(mut self, previous: Secret) -> Self {
        self.previous = Some(previous);
        self
    }
}

/// Checks a form webhook: `url` with its raw query, and all decoded fields of the body, known and
/// unknown (none for a GET).
///
/// # Errors
/// When the header is absent or matches none of the URL's variants with or without port.
pub fn verify_form<N: AsRef<str>, V: AsRef<str>>(
    tokens: &Tokens,
    url: &str,
    fields: &[(N, V)],
    signature: Option<&str>,
) -> Result<(), SignatureProblem> {
    let signature = signature.ok_or(SignatureProblem::Missing)?;
    let tail = signed_fields(fields);
    let candidates = port_variants(url)?;
    verify_any(tokens, &candidates, &tail, signature)
}

/// Checks a JSON webhook: the hash in the URL against the raw body, then the URL alone.
///
/// # Errors
/// When the header is absent, the signature matches no variant of the URL, or the body is not the
/// one that was hashed.
pub fn verify_json(
    tokens: &Tokens,
    url: &str,
    body: &[u8],
    signature: Option<&str>,
) -> Result<(), SignatureProblem> {
    let signature = signature.ok_or(SignatureProblem::Missing)?;
    let candidates = port_variants(url)?;
    verify_any(tokens, &candidates, "", signature)?;
    let query = split_url(url)?.query.unwrap_or_default();
    let claimed = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == BODY_HASH).then_some(value))
        .ok_or(SignatureProblem::BodyHash)?;
    let actual = hex::encode(Sha256::digest(body));
    if bool::from(actual.as_bytes().ct_eq(claimed.as_bytes())) {
        Ok(())
    } else {
        Err(SignatureProblem::BodyHash)
    }
}

/// Checks the handshake of a media socket. `url` has the scheme `wss` (on a laptop `ws`).
///
/// Query parameters, which Twilio takes out of the URL of a stream, count as fields. A trailing
/// slash and the default port may be there or not.
///
/// # Errors
/// When the header is absent, the scheme is not that of a WebSocket, or nothing matches.
pub fn verify_websocket(
    tokens: &Tokens,
    url: &str,
    signature: Option<&str>,
) -> Result<(), SignatureProblem> {
    let signature = signature.ok_or(SignatureProblem::Missing)?;
    let parts = split_url(url)?;
    if !["ws", "wss"].contains(&parts.scheme.to_ascii_lowercase().as_str()) {
        return Err(SignatureProblem::Url);
    }
    let query = parts.query.unwrap_or_default();
    let fields: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        form_urlencoded::parse(query.as_bytes()).collect();
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let mut candidates = port_variants(bare)?;
    let slashed: Vec<String> = candidates
        .iter()
        .map(|candidate| match candidate.strip_suffix('/') {
            Some(without) => without.to_owned(),
            None => format!("{candidate}/"),
        })
        .collect();
    candidates.extend(slashed);
    verify_any(tokens, &candidates, &signed_fields(&fields), signature)
}

/// The signature that Twilio would send with a form webhook; also what a simulated carrier signs
/// with. With no fields it is the signature of a GET, of a JSON webhook and of a media socket.
#[must_use]
pub fn sign_form<N: AsRef<str>, V: AsRef<str>>(
    token: &Secret,
    url: &str,
    fields: &[(N, V)],
) -> String {
    let url = url.split('#').next().unwrap_or_default();
    sign(token, url, &signed_fields(fields))
}

/// Names sorted by code point, each followed by its value; a repeated name once per distinct value,
/// values sorted.
fn signed_fields<N: AsRef<str>, V: AsRef<str>>(fields: &[(N, V)]) -> String {
    let mut pairs: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .collect();
    // UTF-8 sorts as code points do.
    pairs.sort_unstable();
    pairs.dedup();
    let mut text = String::with_capacity(pairs.iter().map(|(n, v)| n.len() + v.len()).sum());
    for (name, value) in pairs {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

fn verify_any(
    tokens: &Tokens,
    urls: &[String],
    tail: &str,
    signature: &str,
) -> Result<(), SignatureProblem> {
    let mut matched = Choice::from(0);
    for token in [Some(&tokens.primary), tokens.previous.as_ref()]
        .into_iter()
        .flatten()
    {
        for url in urls {
            matched |= sign(token, url, tail)
                .as_bytes()
                .ct_eq(signature.as_bytes());
        }
    }
    if bool::from(matched) {
        Ok(())
    } else {
        Err(SignatureProblem::Mismatch)
    }
}

fn sign(token: &Secret, url: &str, tail: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()).expect("any length");
    mac.update(url.as_bytes());
    mac.update(tail.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A URL cut at its seams without any normalisation: signatures are over the bytes as sent.
struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    host: &'a str,
    port: Option<&'a str>,
    /// Path and query, from the first `/` or `?`; no fragment.
    rest: &'a str,
    query: Option<&'a str>,
}

fn split_url(url: &str) -> Result<Parts<'_>, SignatureProblem> {
    let url = url.split('#').next().unwrap_or_default();
    let (scheme, after) = url.split_once("://").ok_or(SignatureProblem::Url)?;
    let authority_end = after.find(['/', '?']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(authority_end);
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host_port)) => (Some(user), host_port),
        None => (None, authority),
    };
    // The colons inside an IPv6 address are no port.
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        Some(_) | None => (host_port, None),
    };
    if host.is_empty() {
        return Err(SignatureProblem::Url);
    }
    Ok(Parts {
        scheme,
        user,
        host,
        port,
        rest,
        query: rest.split_once('?').map(|(_path, query)| query),
    })
}

/// The URL without any port, and with one: the explicit one, else the scheme's. Twilio signs either,
/// and does not say which.
fn port_variants(url: &str) -> Result<Vec<String>, SignatureProblem> {
    let Parts {
        scheme,
        user,
        host,
        port,
        rest,
        query: _,
    } = split_url(url)?;
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "https" | "wss" => "443",
        _other => "80",
    };
    let port = port.filter(|port| !port.is_empty()).unwrap_or(default_port);
    Ok(vec![
        format!("{scheme}://{user}{host}{rest}"),
        format!("{scheme}://{user}{host}:{port}{rest}"),
    ])
}

#[cfg(test)]
mod tests;
