//! What an HTTP status means for a call, where vendors agree.

use std::time::Duration;

use conversation::FailureKind;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

/// The longest wait a vendor is believed. Beyond any call's patience it makes no difference.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Most characters of a vendor's own explanation that a log line takes.
const EXPLANATION_CHARS_MAX: usize = 120;

/// A refusal by its status alone. Vendors look at more where theirs says more.
pub(crate) fn by_status(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> FailureKind {
    match status.as_u16() {
        401 | 403 => FailureKind::Unauthorized,
        402 => FailureKind::QuotaExceeded,
        // 498: Groq's flex tier is full.
        429 | 498 => FailureKind::RateLimited {
            retry_after: retry_after(headers, now),
        },
        // The request met a moment, not a rule (as vendors' own clients judge); 424 comes from Groq.
        408 | 409 | 424 | 425 => FailureKind::ServerError,
        500.. => FailureKind::ServerError,
        _ => FailureKind::Refused,
    }
}

/// How long the vendor asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wait = match text("retry-after-ms").and_then(|millis| millis.parse::<f64>().ok()) {
        Some(millis) => Duration::try_from_secs_f64(millis / 1_000.0).ok()?,
        None => {
            let wait = text("retry-after")?;
            match wait.parse::<f64>() {
                Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
                Err(_not_seconds) => {
                    let date = jiff::fmt::rfc2822::parse(wait).ok()?;
                    let wait = now.duration_until(date.timestamp());
                    Duration::try_from(wait).unwrap_or(Duration::ZERO)
                }
            }
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// A vendor's header for a log line: short and printable.
pub(crate) fn explanation<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let text = headers.get(name).and_then(|value| value.to_str().ok());
    let text = text.unwrap_or_default();
    // Header values that are text are ASCII.
    text.get(..EXPLANATION_CHARS_MAX).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(name: &'static str, value: &'static str) -> Option<Duration> {
        let now = "2026-10-21T07:27:30Z".parse().unwrap();
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            http::HeaderValue::from_static(value),
        )]);
        retry_after(&headers, now)
    }

    #[test]
    fn a_vendor_says_how_long_to_wait_in_any_of_three_ways() {
        assert_eq!(waits("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(
            waits("retry-after", " 0.5 "),
            Some(Duration::from_millis(500))
        );
        assert_eq!(
            waits("retry-after-ms", "250"),
            Some(Duration::from_millis(250))
        );
        let date = waits("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(date, Some(Duration::from_secs(30)));
        let past = waits("retry-after", "Wed, 21 Oct 2020 07:28:00 GMT");
        assert_eq!(past, Some(Duration::ZERO));
        assert_eq!(waits("retry-after", "99999999"), Some(RETRY_AFTER_MAX));
        for nonsense in ["", "soon", "-1", "NaN", "1e400"] {
            assert_eq!(waits("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_status_tells_whether_waiting_helps() {
        let kind = |status| {
            let status = StatusCode::from_u16(status).unwrap();
            by_status(status, &HeaderMap::new(), Timestamp::UNIX_EPOCH)
        };
        let unknown_wait = FailureKind::RateLimited { retry_after: None };
        for (status, expected) in [
            (302, FailureKind::Refused),
            (400, FailureKind::Refused),
            (401, FailureKind::Unauthorized),
            (402, FailureKind::QuotaExceeded),
            (404, FailureKind::Refused),
            (408, FailureKind::ServerError),
            (422, FailureKind::Refused),
            (429, unknown_wait),
            (503, FailureKind::ServerError),
        ] {
            assert_eq!(kind(status), expected, "{status}");
        }
    }
}
