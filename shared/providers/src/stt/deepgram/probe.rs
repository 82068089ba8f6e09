//! Whether Deepgram takes the key: the list of its projects, which any key may ask for.

use ::http::header::AUTHORIZATION;
use ::http::{HeaderMap, StatusCode};
use conversation::FailureKind;

use crate::probe::{Question, VendorVerdict};
use crate::socket;

pub(crate) fn question(settings: &settings::VendorSettings) -> Result<Question, FailureKind> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &settings.api_key {
        // A key that no header can carry is a wrong key.
        let key = socket::secret_header("Token ", key).ok_or(FailureKind::Unauthorized)?;
        headers.insert(AUTHORIZATION, key);
    }
    Ok(Question {
        url: socket::http_url(&settings.base_url, &["v1", "projects"]),
        headers,
        judge: Box::new(|status, _body| match status {
            StatusCode::OK => VendorVerdict::Works,
            // Known, but without the right to see projects: a key for use only.
            StatusCode::FORBIDDEN => VendorVerdict::Limited,
            StatusCode::NOT_FOUND => VendorVerdict::NotAnswered,
            _refused => VendorVerdict::Failed(FailureKind::Refused),
        }),
    })
}
