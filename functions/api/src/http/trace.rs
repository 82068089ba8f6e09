//! Each request belongs to a trace: the one that its sender names, or a fresh one.
//!
//! A sender names it in `traceparent` (W3C Trace Context) or, behind Amazon's front doors, they do in
//! `X-Amzn-Trace-Id`. The answer names it in `traceparent`. What a request begins (a call) takes the trace
//! along, so that its lines are found in the logs of all processes.

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use model::TraceId;
use tracing::{Instrument as _, info_span};

use crate::state::State;

const TRACEPARENT: &str = "traceparent";
const OF_AMAZON: &str = "x-amzn-trace-id";

/// Gives the request its trace, its lines in the log too, and the answer.
pub(crate) async fn follow(
    Shared(state): Shared<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let chance = state.ids.chance();
    let trace = named(request.headers()).unwrap_or_else(|| TraceId::from_chance(chance));
    request.extensions_mut().insert(trace);
    // No path: phone numbers are in some.
    let span = info_span!("request", trace_id = %trace, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    let span = u64::try_from(state.ids.chance() >> 64).unwrap_or(1);
    if let Ok(value) = HeaderValue::try_from(trace.traceparent(span)) {
        response.headers_mut().insert(TRACEPARENT, value);
    }
    response
}

/// The trace that the sender names. A header that comes twice names none (section 3.2).
fn named(headers: &HeaderMap) -> Option<TraceId> {
    let single = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    let of_sender = single(TRACEPARENT).and_then(TraceId::of_traceparent);
    of_sender.or_else(|| single(OF_AMAZON).and_then(TraceId::of_amazon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_comes_before_amazon() {
        let mut headers = HeaderMap::new();
        assert_eq!(named(&headers), None);
        let amazon = "Root=1-5759e988-bd862e3fe1be46a994272793";
        headers.insert(OF_AMAZON, HeaderValue::from_static(amazon));
        assert_eq!(named(&headers), TraceId::of_amazon(amazon));
        headers.insert(TRACEPARENT, HeaderValue::from_static("nonsense"));
        assert_eq!(named(&headers), TraceId::of_amazon(amazon));
        let standard = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert(TRACEPARENT, HeaderValue::from_static(standard));
        assert_eq!(named(&headers), TraceId::of_traceparent(standard));
        headers.append(TRACEPARENT, HeaderValue::from_static(standard));
        assert_eq!(named(&headers), TraceId::of_amazon(amazon));
    }
}
