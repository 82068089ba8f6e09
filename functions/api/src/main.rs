//! The API as a Lambda. The installation's owner is whoever has the key of its settings.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use api::{State, edge};
use doctor::Doctor;
use lambda::Started;
use service::account::keys::Keys;

fn main() -> ExitCode {
    lambda::serve("api", async |started| {
        let Started {
            variables,
            settings,
            parts,
        } = started;
        if let Some(key) = &settings.local.api_key {
            let keys = Keys::new(&parts.store, Arc::clone(&parts.clock), parts.ids.clone());
            let owner = keys.ensure_owner("Owner", key).await;
            owner.context("letting the owner's key in")?;
        }
        let state = State::new(&parts, Doctor::of_function(variables, &parts));
        let router = api::router(state);
        Ok(match settings.public.edge_key {
            Some(key) => edge::behind(router, key),
            None => router,
        })
    })
}
