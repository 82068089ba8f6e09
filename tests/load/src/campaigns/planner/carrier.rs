//! A carrier that takes every call and never does anything about it.
//!
//! `sim::carriers::twilio` cannot be it: its people and callbacks would take time of the machine that is measured.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

/// Serves until the process ends. Answers where.
pub(super) async fn start() -> anyhow::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new()
        .route("/2010-04-01/Accounts/{account}/Calls.json", post(create))
        .with_state(Arc::<AtomicU64>::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn create(State(made): State<Arc<AtomicU64>>, form: Bytes) -> impl IntoResponse {
    let field = |wanted: &str| {
        let mut fields = form_urlencoded::parse(&form);
        fields.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    };
    let call = json!({
        "sid": format!("CA{:032x}", made.fetch_add(1, Ordering::Relaxed)),
        "status": "queued",
        "to": field("To"),
        "from": field("From"),
        "date_created": "Tue, 05 Feb 2030 16:00:00 +0000",
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::CREATED, json, call.to_string())
}
