//! Whether a host takes the key and has the model: its list of models.

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, StatusCode};
use conversation::FailureKind;
use serde::Deserialize;

use crate::probe::{Question, VendorVerdict};
use crate::socket;

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

pub(crate) fn question(settings: &settings::VendorSettings) -> Result<Question, FailureKind> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &settings.api_key {
        // A key that no header can carry is a wrong key.
        let key = socket::secret_header("Bearer ", key).ok_or(FailureKind::Unauthorized)?;
        headers.insert(AUTHORIZATION, key);
    }
    let model = settings.model.clone();
    Ok(Question {
        url: socket::http_url(&settings.base_url, &["models"]),
        headers,
        judge: Box::new(move |status, body| judge(status, body, &model)),
    })
}

fn judge(status: StatusCode, body: &[u8], model: &str) -> VendorVerdict {
    match status {
        StatusCode::OK => {}
        // A restricted key of OpenAI's, without the right to list models.
        StatusCode::FORBIDDEN => return VendorVerdict::Limited,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            return VendorVerdict::NotAnswered;
        }
        _refused => return VendorVerdict::Failed(FailureKind::Refused),
    }
    match serde_json::from_slice::<Models>(body) {
        Ok(Models { data }) if data.iter().any(|known| known.id == model) => VendorVerdict::Works,
        Ok(_others) => VendorVerdict::Missing,
        Err(_another_shape) => VendorVerdict::NotAnswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_models_tells_of_key_and_model() {
        let list = br#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b"}]}"#;
        let said =
            |status: u16, body: &[u8]| judge(StatusCode::from_u16(status).unwrap(), body, "b");
        assert_eq!(said(200, list), VendorVerdict::Works);
        assert_eq!(said(200, br#"{"data":[]}"#), VendorVerdict::Missing);
        assert_eq!(said(200, b"<html>"), VendorVerdict::NotAnswered);
        assert_eq!(said(403, b"{}"), VendorVerdict::Limited);
        assert_eq!(said(404, b""), VendorVerdict::NotAnswered);
        assert_eq!(said(401, b""), VendorVerdict::Failed(FailureKind::Refused));
    }
}
