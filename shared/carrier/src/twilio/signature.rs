//! Twilio's request signatures (`X-Twilio-Signature`): HMAC over the URL and the fields.
//!
//! HMAC-SHA1 with the auth token, or, where an account uses a shared key for it, HMAC-SHA256 with that key:
//! then a second header names key and algorithm.
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
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use settings::Secret;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::report::SignatureProblem;

/// The header that carries the signature, in the lower case of `http::HeaderMap`.
pub const HEADER: &str = "x-twilio-signature";

/// The query parameter that carries the hash of a JSON body.
const BODY_HASH: &str = "bodySHA256";

/// The header that names the key and the algorithm of a signature that is not of the auth token:
/// `key=<id>,algorithm=HMAC_SHA256`.
pub const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// The keys that signatures are believed with.
#[derive(Debug, Clone)]
pub struct Tokens {
    primary: Secret,
    previous: Option<Secret>,
    shared: Option<SharedKey>,
}

/// A key that an account signs with by HMAC-SHA256 in place of its auth token.
#[derive(Debug, Clone)]
pub struct SharedKey {
    /// As the settings header names it.
    pub id: String,
    pub secret: Secret,
}

/// How a request is signed, as its headers say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signed<'a> {
    /// The value of [`HEADER`].
    pub signature: Option<&'a str>,
    /// The value of [`SETTINGS_HEADER`]; absent, HMAC-SHA1 with the auth token.
    pub settings: Option<&'a str>,
}

impl<'a> Signed<'a> {
    /// A header that comes twice counts as none for the signature, and as one of no known kind for its
    /// settings: nobody could say which is meant.
    #[must_use]
    pub fn of(headers: &'a HeaderMap) -> Self {
        let single = |name| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?.to_str().unwrap_or_default();
            Some(values.next().map_or(value, |_second| ""))
        };
        Self {
            signature: single(HEADER).filter(|value| !value.is_empty()),
            settings: single(SETTINGS_HEADER),
        }
    }
}

/// Signed with the auth token.
impl<'a> From<Option<&'a str>> for Signed<'a> {
    fn from(signature: Option<&'a str>) -> Self {
        Self {
            signature,
            settings: None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Algorithm {
    Sha1,
    Sha256,
}

impl Tokens {
    #[must_use]
    pub const fn new(primary: Secret) -> Self {
        Self {
            primary,
            previous: None,
            shared: None,
        }
    }

    /// Accepts signatures of a shared key too.
    #[must_use]
    pub fn with_shared(mut self, key: SharedKey) -> Self {
        self.shared = Some(key);
        self
    }

    /// Accepts signatures of the previous token too, for the short while of a rotation.
    #[must_use]
    pub fn with_previous(mut self, previous: Secret) -> Self {
        self.previous = Some(previous);
        self
    }

    /// The keys that a request may be signed with, by what its headers say.
    fn named(&self, settings: Option<&str>) -> Result<(Algorithm, Vec<&Secret>), SignatureProblem> {
        let Some(settings) = settings else {
            let tokens = [Some(&self.primary), self.previous.as_ref()];
            return Ok((Algorithm::Sha1, tokens.into_iter().flatten().collect()));
        };
        let value = |name: &str| {
            let mut parts = settings.split(',').filter_map(|part| part.split_once('='));
            parts.find_map(|(known, value)| (known.trim() == name).then(|| value.trim()))
        };
        let shared = self.shared.as_ref().ok_or(SignatureProblem::Scheme)?;
        if value("algorithm") == Some("HMAC_SHA256") && value("key") == Some(&shared.id) {
            Ok((Algorithm::Sha256, vec![&shared.secret]))
        } else {
            Err(SignatureProblem::Scheme)
        }
    }
}

/// Checks a form webhook: `url` with its raw query, and all decoded fields of the body, known and
/// unknown (none for a GET).
///
/// # Errors
/// When the header is absent or matches none of the URL's variants with or without port.
pub fn verify_form<'a, N: AsRef<str>, V: AsRef<str>>(
    tokens: &Tokens,
    url: &str,
    fields: &[(N, V)],
    signed: impl Into<Signed<'a>>,
) -> Result<(), SignatureProblem> {
    let signed = signed.into();
    let tail = signed_fields(fields);
    let candidates = port_variants(url)?;
    verify_any(tokens, &candidates, &tail, signed)
}

/// Checks a JSON webhook: the hash in the URL against the raw body, then the URL alone.
///
/// # Errors
/// When the header is absent, the signature matches no variant of the URL, or the body is not the
/// one that was hashed.
pub fn verify_json<'a>(
    tokens: &Tokens,
    url: &str,
    body: &[u8],
    signed: impl Into<Signed<'a>>,
) -> Result<(), SignatureProblem> {
    let signed = signed.into();
    let candidates = port_variants(url)?;
    verify_any(tokens, &candidates, "", signed)?;
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
pub fn verify_websocket<'a>(
    tokens: &Tokens,
    url: &str,
    signed: impl Into<Signed<'a>>,
) -> Result<(), SignatureProblem> {
    let signed = signed.into();
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
    verify_any(tokens, &candidates, &signed_fields(&fields), signed)
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
    sign(Algorithm::Sha1, token, url, &signed_fields(fields))
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
    signed: Signed<'_>,
) -> Result<(), SignatureProblem> {
    let signature = signed.signature.ok_or(SignatureProblem::Missing)?;
    let (algorithm, keys) = tokens.named(signed.settings)?;
    let mut matched = Choice::from(0);
    for key in keys {
        for url in urls {
            matched |= sign(algorithm, key, url, tail)
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

fn sign(algorithm: Algorithm, key: &Secret, url: &str, tail: &str) -> String {
    match algorithm {
        Algorithm::Sha1 => authenticate::<Hmac<Sha1>>(key, url, tail),
        Algorithm::Sha256 => authenticate::<Hmac<Sha256>>(key, url, tail),
    }
}

fn authenticate<M: Mac + KeyInit>(key: &Secret, url: &str, tail: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = <M as KeyInit>::new_from_slice(key.expose().as_bytes()).expect("any length");
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
