//! Whether `ElevenLabs` takes the key and has the voice: the voice itself.

use ::http::{HeaderMap, StatusCode};
use conversation::FailureKind;
use serde::Deserialize;

use super::client::Account;
use crate::probe::{Question, VendorVerdict};
use crate::socket;

/// The error body (`docs/protocols/elevenlabs.md#refusals`). Its message is not read.
#[derive(Deserialize)]
struct Refusal {
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    status: String,
}

pub(crate) fn question(settings: &settings::VendorSettings) -> Result<Question, FailureKind> {
    let account = Account::new(settings);
    let voice = account.voice(None)?;
    let mut headers = HeaderMap::new();
    headers.extend(account.key()?);
    Ok(Question {
        url: socket::http_url(&account.base, &["v1", "voices", voice]),
        headers,
        judge: Box::new(judge),
    })
}

fn judge(status: StatusCode, body: &[u8]) -> VendorVerdict {
    if status == StatusCode::OK {
        return VendorVerdict::Works;
    }
    let refusal = serde_json::from_slice::<Refusal>(body).ok();
    let code = refusal.map(|refusal| refusal.detail.status);
    match code.as_deref() {
        // A key that is known and may speak, perhaps, but not look at voices.
        Some("missing_permissions") => VendorVerdict::Limited,
        Some("voice_not_found") => VendorVerdict::Missing,
        // It comes with the status of a wrong key.
        Some("quota_exceeded") => VendorVerdict::Failed(FailureKind::QuotaExceeded),
        Some(_) | None => VendorVerdict::Failed(FailureKind::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whether_it_is_the_key_or_the_voice() {
        let said = |status: u16, code: &str| {
            let body = format!(r#"{{"detail":{{"status":"{code}","message":"m"}}}}"#);
            judge(StatusCode::from_u16(status).unwrap(), body.as_bytes())
        };
        assert_eq!(said(200, ""), VendorVerdict::Works);
        assert_eq!(said(401, "missing_permissions"), VendorVerdict::Limited);
        assert_eq!(said(404, "voice_not_found"), VendorVerdict::Missing);
        let quota = VendorVerdict::Failed(FailureKind::QuotaExceeded);
        assert_eq!(said(401, "quota_exceeded"), quota);
        let refused = VendorVerdict::Failed(FailureKind::Refused);
        assert_eq!(said(401, "invalid_api_key"), refused);
        let validation = br#"{"detail":[{"loc":[],"msg":"","type":""}]}"#;
        assert_eq!(judge(StatusCode::UNPROCESSABLE_ENTITY, validation), refused);
    }
}
