//! `X-Twilio-Signature`, the simulator's own implementation: the product's is checked against it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// A key that the account signs with by HMAC-SHA256 in place of its auth token.
#[derive(Clone)]
pub struct SharedKey {
    pub id: String,
    pub secret: String,
}

/// What the account signs with.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) auth_token: String,
    pub(super) shared: Option<SharedKey>,
}

/// The headers of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `X-Twilio-Signature`.
    pub signature: String,
    /// `X-Twilio-Webhooks-Signature-Settings`; only with a shared key.
    pub settings: Option<String>,
}

impl Signer {
    pub(super) fn sign(&self, url: &str, fields: &[(String, String)]) -> Signed {
        match &self.shared {
            None => Signed {
                signature: sign(&self.auth_token, url, fields),
                settings: None,
            },
            Some(SharedKey { id, secret }) => Signed {
                signature: authenticate::<Hmac<Sha256>>(secret, url, fields),
                settings: Some(format!("key={id},algorithm=HMAC_SHA256")),
            },
        }
    }
}

impl Signed {
    /// Names and values of the headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let settings = self.settings.as_deref();
        [
            Some(("X-Twilio-Signature", self.signature.as_str())),
            settings.map(|settings| ("X-Twilio-Webhooks-Signature-Settings", settings)),
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// Signs a request with the auth token: the URL as it is requested (no fragment), then the form's fields. A GET has none.
#[must_use]
pub fn sign(auth_token: &str, url: &str, fields: &[(String, String)]) -> String {
    authenticate::<Hmac<Sha1>>(auth_token, url, fields)
}

fn authenticate<M: Mac + KeyInit>(key: &str, url: &str, fields: &[(String, String)]) -> String {
    // Sorted by name, then value; the same pair twice counts once.
    let mut pairs: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    // HMAC takes keys of any length, so there is always one.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, fields: &[(&str, &str)], signature: &str) {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(sign("12345", url, &fields), signature, "{url}");
    }

    #[test]
    fn the_documented_vectors() {
        check(
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            &[
                ("CallSid", "CA1234567890ABCDE"),
                ("Caller", "+14158675309"),
                ("Digits", "1234"),
                ("From", "+14158675309"),
                ("To", "+18005551212"),
            ],
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        );
        check(
            "https://dialer.example.com:8443/twilio/sms",
            &[
                ("MessageSid", &format!("SM{}", "c".repeat(32))),
                ("Body", "Hola Señor & 50% — ok?"),
                ("From", "+15005550006"),
                ("To", "+14155550100"),
                ("NumMedia", "0"),
                ("Empty", ""),
            ],
            "0yHBJFygv9+YRU4L5jPzxDHqqpA=",
        );
        check(
            "https://dialer.example.com/twilio/voice?CallSid=CA1&From=%2B15005550006",
            &[],
            "zQUa7DNewR76jEqssqq8zNrGMfY=",
        );
        check(
            "https://dialer.example.com/twilio/multi",
            &[("Tag", "b"), ("Tag", "a"), ("Tag", "b"), ("CallSid", "CA1")],
            "MJ49nYZ52MWoqOxGvAHJK9MYAug=",
        );
        check(
            "wss://media.example.com/media",
            &[],
            "3XF0iRfRqfYk1z7nxJrcofkKu/c=",
        );
    }
}
