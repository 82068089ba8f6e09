//! Checks AWS Signature Version 4 on requests to `/`, as AWS documents it for the `Authorization`
//! header (IAM user guide, "Create a signed AWS API request").

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use store::aws::AccessKey;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the signer's clock may be from ours (the same page: five minutes for most services,
/// fifteen for some).
const CLOCK_DIFFERENCE_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Why a signature does not count.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureRefusal {
    #[error("Request is missing Authentication Token")]
    Missing,
    #[error("The Authorization header or a header that it needs is missing or incomplete.")]
    Incomplete,
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error("Signature expired or not yet current.")]
    Expired,
    #[error("The request signature we calculated does not match the signature you provided.")]
    Wrong,
}

/// Verifies a request whose body is `body`.
pub(super) fn verify(
    request: &Parts,
    body: &[u8],
    service: &str,
    key: &AccessKey,
    now: Timestamp,
) -> Result<(), SignatureRefusal> {
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let authorization = header("authorization").ok_or(SignatureRefusal::Missing)?;
    let given = Authorization::parse(authorization).ok_or(SignatureRefusal::Incomplete)?;
    if given.key_id != key.id {
        return Err(SignatureRefusal::UnknownKey);
    }
    let date = header("x-amz-date").ok_or(SignatureRefusal::Incomplete)?;
    let signed_at = parse_date(date).ok_or(SignatureRefusal::Incomplete)?;
    if now.duration_since(signed_at).abs() > CLOCK_DIFFERENCE_MAX {
        return Err(SignatureRefusal::Expired);
    }
    // The scope must name the day, the service and, unread by us, any region.
    let mut scope = given.scope.split('/');
    let (day, region) = (scope.next(), scope.next());
    let rest = (scope.next(), scope.next(), scope.next());
    let day = day
        .filter(|day| date.starts_with(*day) && day.len() == 8)
        .ok_or(SignatureRefusal::Incomplete)?;
    let region = region.ok_or(SignatureRefusal::Incomplete)?;
    if rest != (Some(service), Some("aws4_request"), None) {
        return Err(SignatureRefusal::Incomplete);
    }
    // What is not signed could have been changed: host and date always must be.
    let mut names = given.signed_headers.split(';');
    if !names.clone().any(|name| name == "host") || !names.any(|name| name == "x-amz-date") {
        return Err(SignatureRefusal::Incomplete);
    }

    let canonical = canonical_request(request, body, given.signed_headers)?;
    let text = format!(
        "{ALGORITHM}\n{date}\n{}\n{}",
        given.scope,
        hex::encode(Sha256::digest(canonical.as_bytes()))
    );
    let secret = format!("AWS4{}", key.secret.expose());
    let signing_key = [day, region, service, "aws4_request"]
        .into_iter()
        .try_fold(secret.into_bytes(), |key, part| {
            Ok(mac(&key, part.as_bytes())?.finalize().into_bytes().to_vec())
        })?;
    let signature =
        hex::decode(given.signature).map_err(|_not_hex| SignatureRefusal::Incomplete)?;
    mac(&signing_key, text.as_bytes())?
        .verify_slice(&signature)
        .map_err(|_different| SignatureRefusal::Wrong)
}

struct Authorization<'a> {
    key_id: &'a str,
    /// Day, region, service and `aws4_request`, joined by slashes.
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut credential = None;
        let mut signed_headers = None;
        let mut signature = None;
        for part in text.strip_prefix(ALGORITHM)?.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            match name {
                "Credential" => credential = value.split_once('/'),
                "SignedHeaders" => signed_headers = Some(value),
                "Signature" => signature = Some(value),
                _ => return None,
            }
        }
        let (key_id, scope) = credential?;
        Some(Self {
            key_id,
            scope,
            signed_headers: signed_headers?,
            signature: signature?,
        })
    }
}

/// Both services take every request at `/` without a query, which spares the path's encoding rules.
fn canonical_request(
    request: &Parts,
    body: &[u8],
    signed_headers: &str,
) -> Result<String, SignatureRefusal> {
    if request.uri.path() != "/" || request.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(SignatureRefusal::Incomplete);
    }
    let mut canonical = format!("{}\n/\n\n", request.method);
    for name in signed_headers.split(';') {
        let mut values = request.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Err(SignatureRefusal::Incomplete);
        }
        canonical.push_str(name);
        canonical.push(':');
        for (index, value) in values.enumerate() {
            if index > 0 {
                canonical.push(',');
            }
            let value = value
                .to_str()
                .map_err(|_not_text| SignatureRefusal::Incomplete)?;
            let mut words = value.split_ascii_whitespace();
            canonical.push_str(words.next().unwrap_or_default());
            for word in words {
                canonical.push(' ');
                canonical.push_str(word);
            }
        }
        canonical.push('\n');
    }
    canonical.push('\n');
    canonical.push_str(signed_headers);
    canonical.push('\n');
    canonical.push_str(&hex::encode(Sha256::digest(body)));
    Ok(canonical)
}

/// `20150830T123600Z`.
fn parse_date(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn mac(key: &[u8], text: &[u8]) -> Result<Hmac<Sha256>, SignatureRefusal> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_length| SignatureRefusal::Wrong)?;
    mac.update(text);
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use http::Request;
    use settings::Secret;

    use super::*;

    /// AWS's published Signature Version 4 test suite, `post-vanilla`: its key, date and signature.
    const SIGNATURE: &str = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";

    fn example() -> (Parts, AccessKey, Timestamp) {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
        );
        let (parts, ()) = Request::post("/")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header("authorization", authorization)
            .body(())
            .unwrap()
            .into_parts();
        let key = AccessKey {
            id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
        };
        (parts, key, "2015-08-30T12:36:10Z".parse().unwrap())
    }

    #[test]
    fn the_published_example_is_accepted() {
        let (parts, key, now) = example();
        assert_eq!(verify(&parts, b"", "service", &key, now), Ok(()));
    }

    #[test]
    fn what_was_changed_after_signing_is_refused() {
        let (parts, key, now) = example();
        assert_eq!(
            verify(&parts, b"{}", "service", &key, now),
            Err(SignatureRefusal::Wrong)
        );
        assert_eq!(
            verify(&parts, b"", "sqs", &key, now),
            Err(SignatureRefusal::Incomplete)
        );
        let later = now + SignedDuration::from_mins(16);
        assert_eq!(
            verify(&parts, b"", "service", &key, later),
            Err(SignatureRefusal::Expired)
        );

        let (mut other_host, ..) = example();
        other_host.headers.insert("host", "other".parse().unwrap());
        assert_eq!(
            verify(&other_host, b"", "service", &key, now),
            Err(SignatureRefusal::Wrong)
        );

        let (mut unsigned, ..) = example();
        unsigned.headers.remove("authorization");
        assert_eq!(
            verify(&unsigned, b"", "service", &key, now),
            Err(SignatureRefusal::Missing)
        );

        let other_key = AccessKey {
            id: "AKIDOTHER".to_owned(),
            ..key
        };
        assert_eq!(
            verify(&parts, b"", "service", &other_key, now),
            Err(SignatureRefusal::UnknownKey)
        );
    }
}
