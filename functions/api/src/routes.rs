//! What can be asked of the API: a file for each subject, which begins with the rows of its routes.

mod agents;
pub(crate) mod calls;
mod campaigns;
mod doctor;
mod health;
mod imports;
mod leads;
mod numbers;
mod permits;
mod prompts;
mod simulation;
mod suppressions;

use crate::http::registry::Routes;

/// Every route, in the order of the documentation.
pub(crate) fn all() -> Routes {
    Routes::default()
        .and(calls::routes())
        .and(calls::carrier_recordings::routes())
        .and(campaigns::routes())
        .and(simulation::routes())
        .and(leads::routes())
        .and(imports::routes())
        .and(suppressions::routes())
        .and(permits::routes())
        .and(agents::routes())
        .and(prompts::routes())
        .and(numbers::routes())
        .and(doctor::routes())
        .and(health::routes())
}
