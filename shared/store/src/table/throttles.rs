//! Counts attempts at requests to AWS that failed, and among them those that were throttled.
//!
//! The SDK tries most of them again, so that nobody else hears of them: a table or a queue that holds us
//! back is seen here first.

use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde_json::Value;

/// Error codes of a service that holds us back (error references of DynamoDB, SQS and S3).
const THROTTLED: [&str; 8] = [
    "ThrottlingException",
    "Throttling",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
];

/// Counts for one service: `dynamodb`, `sqs` or `s3`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Throttles(pub(crate) &'static str);

impl Intercept for Throttles {
    fn name(&self) -> &'static str {
        "throttles"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Err(error)) = context.output_or_error() else {
            return Ok(());
        };
        let response = context.response();
        let kind = if response.is_some_and(is_throttled) {
            metrics::counter!("trunkline_aws_throttles_total", "target" => self.0).increment(1);
            "throttled"
        } else if error.is_timeout_error() {
            "timeout"
        } else if error.is_connector_error() {
            "connect"
        } else if response.is_some_and(|response| response.status().as_u16() >= 500) {
            "server"
        } else {
            // The service's answer: a condition that does not hold, an object that is not there.
            return Ok(());
        };
        metrics::counter!("trunkline_aws_failures_total", "target" => self.0, "kind" => kind)
            .increment(1);
        Ok(())
    }
}

fn is_throttled(response: &HttpResponse) -> bool {
    let status = response.status().as_u16();
    if status < 400 {
        return false;
    }
    let named = response.headers().get("x-amzn-errortype");
    if status == 429 || named.is_some_and(is_code) {
        return true;
    }
    let body = response.body().bytes().unwrap_or_default();
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        // XML, of S3, which says it by the status too (error responses, `SlowDown`).
        return status == 503;
    };
    let reasons = body["CancellationReasons"].as_array();
    let reasons = reasons.into_iter().flatten().map(|reason| &reason["Code"]);
    reasons
        .chain([&body["__type"]])
        .any(|code| code.as_str().is_some_and(is_code))
}

/// `com.amazonaws.dynamodb.v20120810#ThrottlingException`, or without what is before the sign, or with
/// an address behind a colon.
fn is_code(code: &str) -> bool {
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    THROTTLED.contains(&code)
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn throttled(status: u16, body: &str) -> bool {
        let status = StatusCode::try_from(status).unwrap();
        is_throttled(&HttpResponse::new(status, SdkBody::from(body)))
    }

    #[test]
    fn what_a_service_says_when_it_holds_us_back() {
        let of_table = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
        assert!(throttled(400, &format!(r#"{{"__type":"{of_table}"}}"#)));
        assert!(throttled(
            403,
            r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#
        ));
        assert!(throttled(429, ""));
        assert!(throttled(503, "<Error><Code>SlowDown</Code></Error>"));
        let transaction = r#"{"__type":"x#TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"ThrottlingError"}]}"#;
        assert!(throttled(400, transaction));
    }

    #[test]
    fn a_condition_that_does_not_hold_is_none() {
        let condition = r#"{"__type":"x#ConditionalCheckFailedException","Item":{"note":{"S":"ThrottlingException"}}}"#;
        assert!(!throttled(400, condition));
        let transaction = r#"{"__type":"x#TransactionCanceledException","CancellationReasons":[{"Code":"ConditionalCheckFailed"}]}"#;
        assert!(!throttled(400, transaction));
        assert!(!throttled(404, "<Error><Code>NoSuchKey</Code></Error>"));
        assert!(!throttled(200, ""));
    }

    #[test]
    fn the_code_may_be_in_a_header() {
        let status = StatusCode::try_from(400).unwrap();
        let mut response = HttpResponse::new(status, SdkBody::empty());
        let value = "ThrottlingException:http://internal.amazon.com/coral/";
        response.headers_mut().insert("x-amzn-errortype", value);
        assert!(is_throttled(&response));
    }
}
