//! What a call is held with, and how many vendors stand behind each ability.

use model::{AgentFields, CallSnapshot};

/// How many vendors are in each chain. A chain always has at least one: zero counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routes {
    pub recognition: usize,
    pub generation: usize,
    pub synthesis: usize,
}

/// The parts of the snapshot that decide how a conversation goes.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) agent: AgentFields,
    pub(crate) greeting: String,
    pub(crate) routes: Routes,
}

impl Config {
    pub(crate) fn new(snapshot: &CallSnapshot, routes: Routes) -> Self {
        Self {
            agent: snapshot.agent.clone(),
            greeting: snapshot.prompt.greeting.clone(),
            routes: Routes {
                recognition: routes.recognition.max(1),
                generation: routes.generation.max(1),
                synthesis: routes.synthesis.max(1),
            },
        }
    }
}
