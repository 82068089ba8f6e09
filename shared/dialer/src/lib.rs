//! Decides who is called when: where a number is, when that place may be called, whether this number
//! may be dialled now, which of many due leads go next, and what becomes of a lead after a call.
//!
//! Pure: a snapshot, the time and chance come in, a decision with its reasons goes out. It knows no
//! clock, table, queue or carrier, and the zones' rules are compiled in, so the same question has the
//! same answer on every machine.
//!
//! | asked | with |
//! |---|---|
//! | where is this number | [`Place::of`], [`Place::lane`] |
//! | is this lane open, when does that change | [`Schedule`], [`Lanes`] |
//! | may this number be dialled now | [`permit()`] |
//! | is this lead ever called, and what would help | [`never()`], [`openers()`] |
//! | who is dialled next | [`plan()`] |
//! | does a campaign say what it has to | [`script_problems`] |
//! | what becomes of the lead | [`after_call`], [`after_denial`] |

mod after;
mod attempts;
mod breaker;
mod disclosure;
mod lanes;
mod numbers;
mod packs;
mod permit;
mod plan;
#[cfg(test)]
mod testing;
mod windows;
mod zone;

pub use after::{
    AfterCall, AfterDenial, CallEnd, FAULT_RETRY, FAULTS_MAX, TURNED_BACK_RETRY, Talk, after_call,
    after_denial,
};
pub use attempts::{CALL_ALIVE_MAX, is_failure};
pub use breaker::{HALF_OPEN_PROBES, Recent};
pub use disclosure::{OPENING_SECONDS_MAX, Script, ScriptProblem, script_problems};
pub use lanes::{Lanes, LanesOpen};
pub use numbers::{
    NUMBERS_VERSION, NumberKind, Place, RegionCode, RegionCodeProblem, ZoneName, ZoneNameProblem,
};
pub use packs::calendar::{Calendar, HOLIDAYS_KNOWN, HOLIDAYS_VERSION};
pub use packs::terms::{Terms, caps_of, least_consent};
pub use packs::{
    Cap, CapRule, ConsentRule, DEFAULT, Demand, Hours, HoursRule, Kinds, Pack, RULES_VERSION,
    Source, Voice, Voices, Weekdays, all as all_packs, packs,
};
pub use permit::{Asking, Denial, NUMBER_BUSY_RETRY, Single, caps_for, permit};
pub use plan::{
    AccountRoom, CampaignRoom, Deferral, Dial, Due, Ending, Held, Opener, OurNumber, PLAN_HORIZON,
    Plan, Snapshot, TenantRoom, never, opened_by, openers, plan,
};
pub use windows::{Opening, Schedule};
