//! The permit: whether this number may be dialled now, rule by rule, with what it was decided on.
//!
//! Asked at the moment of dialling, and by the planner for every due lead. The rules are looked at in the
//! order of `docs/protocols/calling-compliance.md#order-of-the-checks`; the first that says no decides. What
//! needs a list or a service that the product does not have (national registers, reassigned numbers) is
//! not looked at.

use std::borrow::Cow;
use std::fmt;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use model::{
    CallId, CallKind, Campaign, CampaignFields, CampaignState, Caps, Check, Consent,
    ConsentElsewhere, ConsentKind, Contact, Lane, Lead, Permit, PhoneNumber, Rule, ZoneSource,
    ZoneTime,
};

use crate::attempts::{Capped, Reached, alive_until, attempts_today, gap_until, later, reached};
use crate::numbers::{NumberKind, Place};
use crate::packs::RULES_VERSION;
use crate::packs::terms::{Terms, caps_of, least_consent};
use crate::windows::{Schedule, TIME_RULES, second_of};

/// When to ask again after another call to the same number was on its way: most calls are over then.
pub const NUMBER_BUSY_RETRY: SignedDuration = SignedDuration::from_mins(5);

/// What a permit is decided on.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub number: &'a PhoneNumber,
    /// Where the number may be.
    pub lane: &'a Lane,
    /// What is known of the number across campaigns; absent: not looked at (the planner may not have
    /// read it; the gate always has).
    pub contact: Option<&'a Contact>,
    /// What is known of the person's other numbers, where the lead has any: the person is called no more often on
    /// all of them together than on one, and on none while they are called on another.
    pub others: &'a [&'a Contact],
    /// For whom it is called; absent for a single call, to which no campaign's rules apply.
    pub campaign: Option<&'a Campaign>,
    /// What a single call is for, and what the person has agreed to.
    pub single: Single<'a>,
    /// The row of the campaign; absent when somebody just asks about a number.
    pub lead: Option<&'a Lead>,
    /// The call that asks: it is not in its own way.
    pub call_id: Option<CallId>,
}

/// What is said of a call that is for no campaign.
#[derive(Debug, Clone, Copy, Default)]
pub struct Single<'a> {
    /// Absent: nobody says, so the strictest is taken.
    pub kind: Option<CallKind>,
    pub consent: Option<&'a Consent>,
}

impl Asking<'_> {
    /// The call as the law sees it: nobody speaks but an artificial voice.
    fn terms(&self) -> Terms {
        Terms::artificial(match self.campaign {
            Some(campaign) => campaign.fields.kind,
            None => self.single.kind,
        })
    }

    fn consent(&self) -> Option<&Consent> {
        match self.campaign {
            Some(_) => self.lead.and_then(|lead| lead.consent.as_ref()),
            None => self.single.consent,
        }
    }
}

/// The first rule that says no, and when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    pub rule: Rule,
    /// Absent: never, or nobody can tell.
    pub retry_at: Option<Timestamp>,
}

/// Decides, and says why.
#[must_use]
pub fn permit(asking: &Asking<'_>, now: Timestamp) -> Permit {
    let fields = asking.campaign.map(|campaign| &campaign.fields);
    let mut schedule = Schedule::under(asking.terms(), fields, asking.lane);
    let own = fields.map(|fields| fields.caps).unwrap_or_default();
    let caps = caps_of_lead(asking, caps_of(own, asking.terms(), asking.lane));
    let mut checks = Vec::new();
    let denial = decide(
        asking,
        &mut schedule,
        &caps,
        now,
        &mut |rule, passed, because| {
            checks.push(Check {
                rule,
                passed,
                because: because.to_string(),
            });
        },
    );
    // A time at which everything else may be fine, but nobody may be called, helps no one.
    let retry_at = denial
        .and_then(|denial| denial.retry_at)
        .and_then(|at| schedule.open_from(at));
    Permit {
        at: now,
        allowed: denial.is_none(),
        denied_by: denial.map(|denial| denial.rule),
        retry_at,
        zones: zones(asking, &schedule, now),
        jurisdictions: asking.lane.jurisdictions.clone(),
        checks,
        rules_version: RULES_VERSION.to_owned(),
    }
}

/// The caps that hold for a campaign's lane.
#[must_use]
pub fn caps_for(campaign: &CampaignFields, lane: &Lane) -> Caps {
    caps_of(campaign.caps, Terms::artificial(campaign.kind), lane)
}

/// The caps that hold for a person: the strictest of the places of all their numbers. `own` are those of the number
/// that is asked about.
pub(crate) fn caps_of_lead(asking: &Asking<'_>, own: Caps) -> Caps {
    let Some(lead) = asking.lead.filter(|lead| !lead.alternates.is_empty()) else {
        return own;
    };
    lead.numbers().fold(own, |caps, (_number, lane)| {
        caps_of(caps, asking.terms(), lane)
    })
}

/// Decides; tells `each` rule that is looked at with its verdict. Without a word that is made up from
/// it, nothing is allocated.
pub(crate) fn decide(
    asking: &Asking<'_>,
    schedule: &mut Schedule,
    caps: &Caps,
    now: Timestamp,
    each: &mut dyn FnMut(Rule, bool, Because<'_>),
) -> Option<Denial> {
    let mut say = |rule, passed, because: Because<'_>, retry_at| {
        each(rule, passed, because);
        (!passed).then_some(Denial { rule, retry_at })
    };

    let kind = Place::of(asking.number).kind();
    let callable = !matches!(kind, NumberKind::Invalid | NumberKind::Premium);
    if let Some(no) = say(Rule::NotCallable, callable, Because::Kind(kind), None) {
        return Some(no);
    }

    let known = known_of(asking);
    if let Some(contact) = known.as_deref() {
        let free = contact.suppression.is_none() && !asked_elsewhere(asking.others);
        if let Some(no) = say(Rule::Suppressed, free, Because::Suppressed(!free), None) {
            return Some(no);
        }
    }

    let (has_consent, because) = consents(asking, now);
    if let Some(no) = say(Rule::Consent, has_consent, because, None) {
        return Some(no);
    }

    if let Some(campaign) = asking.campaign {
        let (runs, because, retry_at) = runs(campaign, now);
        if let Some(no) = say(Rule::CampaignState, runs, because, retry_at) {
            return Some(no);
        }
    }

    if let (Some(campaign), Some(lead)) = (asking.campaign, asking.lead)
        && *asking.number != lead.number
    {
        let called = campaign.fields.alternate_numbers.are_called();
        let because = Because::Alternate(called);
        if let Some(no) = say(Rule::AlternateNumbers, called, because, None) {
            return Some(no);
        }
    }

    if let Some(no) = decide_time(asking, schedule, now, &mut say) {
        return Some(no);
    }

    if let Some(contact) = known.as_deref() {
        // Before the caps: nobody knows yet what the call on its way will count for.
        let alive = alive_until(contact, asking.call_id, now);
        let retry_at = alive.map(|until| until.min(later(now, NUMBER_BUSY_RETRY)));
        let because = Because::OtherCall(alive.is_some());
        if let Some(no) = say(Rule::NumberBusy, alive.is_none(), because, retry_at) {
            return Some(no);
        }

        let reached = reached(contact, asking.call_id, caps, now);
        let because = match &reached {
            Some(reached) => Because::Reached(reached),
            None => Because::AttemptsToday(attempts_today(contact, now), caps.attempts_per_day),
        };
        let until = reached.as_ref().map(|reached| reached.until);
        if let Some(no) = say(Rule::FrequencyCap, reached.is_none(), because, until) {
            return Some(no);
        }

        // The gap is between two calls to one number.
        let gap = asking.contact.and_then(|contact| gap_until(contact, caps));
        let until = gap.filter(|until| *until > now);
        let because = Because::Gap(until);
        if let Some(no) = say(Rule::MinimumGap, until.is_none(), because, until) {
            return Some(no);
        }
    }

    if let (Some(campaign), Some(lead)) = (asking.campaign, asking.lead) {
        let most = campaign.fields.max_attempts;
        let because = Because::Attempts(lead.attempts, most);
        if let Some(no) = say(Rule::Attempts, lead.attempts < most, because, None) {
            return Some(no);
        }
    }
    None
}

/// What is known of the number, with the attempts at the person's other numbers among its own.
fn known_of<'a>(asking: &Asking<'a>) -> Option<Cow<'a, Contact>> {
    if asking.others.is_empty() {
        return asking.contact.map(Cow::Borrowed);
    }
    let mut person = asking.contact.cloned().unwrap_or_default();
    let others = asking.others.iter().flat_map(|other| &other.attempts);
    person.attempts.extend(others.cloned());
    person.attempts.sort_by_key(|attempt| attempt.at);
    Some(Cow::Owned(person))
}

/// Whether the person asked on another of their numbers not to be called.
fn asked_elsewhere(others: &[&Contact]) -> bool {
    let mut suppressions = others.iter().filter_map(|other| other.suppression.as_ref());
    suppressions.any(|suppression| suppression.reason.is_their_own_word())
}

/// Whether the person has agreed to such a call, as far as the law of the places and the campaign ask for it.
fn consents<'a>(asking: &Asking<'a>, now: Timestamp) -> (bool, Because<'a>) {
    let fields = asking.campaign.map(|campaign| &campaign.fields);
    // It does not call before it says so.
    if fields.is_some_and(|fields| fields.kind.is_none()) {
        return (true, Because::NoKind);
    }
    let places = asking.lane.jurisdictions.iter().map(String::as_str);
    let by_law = least_consent(asking.terms(), places);
    let needed = by_law.max(fields.and_then(|fields| fields.consent));
    let given = asking.consent();
    let Some(needed) = needed else {
        return (true, Because::NoConsent(asking.terms().kind));
    };
    let is_enough =
        |consent: &Consent| consent.kind >= needed && consent.at.is_none_or(|at| at <= now);
    if given.is_some_and(is_enough) {
        return (
            true,
            Because::Consent(needed, given.map(|consent| consent.kind)),
        );
    }
    let elsewhere = fields.and_then(|fields| fields.consent_elsewhere.as_ref());
    match elsewhere.filter(|elsewhere| elsewhere.kind >= needed) {
        Some(elsewhere) => (true, Because::ConsentElsewhere(needed, elsewhere)),
        None => (
            false,
            Because::Consent(needed, given.map(|consent| consent.kind)),
        ),
    }
}

/// The rules about local time, over all zones.
fn decide_time(
    asking: &Asking<'_>,
    schedule: &mut Schedule,
    now: Timestamp,
    say: &mut impl FnMut(Rule, bool, Because<'_>, Option<Timestamp>) -> Option<Denial>,
) -> Option<Denial> {
    let zones = schedule.clocks().count();
    if let Some(no) = say(Rule::ZoneUnknown, zones > 0, Because::Zones(zones), None) {
        return Some(no);
    }
    // A single call has no windows and no blocked days of a campaign.
    let is_asked = |rule: Rule| {
        asking.campaign.is_some() || !matches!(rule, Rule::CampaignWindow | Rule::BlockedDay)
    };
    if schedule.is_open(now) {
        for rule in TIME_RULES.into_iter().filter(|rule| is_asked(*rule)) {
            say(rule, true, Because::Time(rule, true, zones), None);
        }
        return None;
    }
    let verdicts = schedule.verdicts(second_of(now));
    let opens_at = schedule.open_from(now);
    let verdicts = TIME_RULES.into_iter().zip(verdicts);
    for (rule, passed) in verdicts.filter(|(rule, _passed)| is_asked(*rule)) {
        if let Some(no) = say(rule, passed, Because::Time(rule, passed, zones), opens_at) {
            return Some(no);
        }
    }
    None
}

/// Whether a campaign calls now; if not, why, and from when.
pub(crate) fn runs(
    campaign: &Campaign,
    now: Timestamp,
) -> (bool, Because<'static>, Option<Timestamp>) {
    let fields = &campaign.fields;
    let state = campaign.state;
    if fields.ends_at.is_some_and(|end| now >= end) {
        return (false, Because::Over, None);
    }
    let starts_at = fields.starts_at.filter(|start| now < *start);
    match state {
        CampaignState::Running if fields.kind.is_none() => (false, Because::NoKind, None),
        CampaignState::Running => match starts_at {
            Some(start) => (false, Because::Starts(start), starts_at),
            None => (true, Because::State(state), None),
        },
        CampaignState::Scheduled => (false, Because::State(state), starts_at),
        CampaignState::Draft
        | CampaignState::Paused
        | CampaignState::Completed
        | CampaignState::Cancelled => (false, Because::State(state), None),
    }
}

/// The zones that had to allow the call, with what says that the person may be there.
fn zones(asking: &Asking<'_>, schedule: &Schedule, now: Timestamp) -> Vec<ZoneTime> {
    let (lane, place) = (asking.lane, Place::of(asking.number));
    let trust = asking.campaign.map(|campaign| campaign.fields.zones);
    let second = Timestamp::from_second(second_of(now)).unwrap_or(now);
    let clocks = schedule.clocks().map(|zone| {
        let offset: Offset = zone.to_offset(now);
        second.display_with_offset(offset).to_string()
    });
    let of_number = |zone: &String| place.zones().any(|of_number| of_number == zone);
    let zones = lane.zones_by(trust.unwrap_or_default()).iter().zip(clocks);
    zones
        .map(|(zone, local)| ZoneTime {
            zone: zone.clone(),
            local,
            source: if of_number(zone) {
                ZoneSource::Number
            } else {
                ZoneSource::Lead
            },
        })
        .collect()
}

/// What a rule was decided on, as a sentence when it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Because<'a> {
    Kind(NumberKind),
    Suppressed(bool),
    NoKind,
    NoConsent(CallKind),
    Consent(ConsentKind, Option<ConsentKind>),
    ConsentElsewhere(ConsentKind, &'a ConsentElsewhere),
    State(CampaignState),
    Over,
    Zones(usize),
    Time(Rule, bool, usize),
    Reached(&'a Reached),
    AttemptsToday(usize, u32),
    Gap(Option<Timestamp>),
    Starts(Timestamp),
    Attempts(u32, u32),
    Alternate(bool),
    OtherCall(bool),
}

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => f.write_str(match kind {
                NumberKind::Geographic => "a number with a place",
                NumberKind::Mobile => "a mobile of the country",
                NumberKind::Premium => "a number that costs extra to call",
                NumberKind::TollFree => "a toll-free number",
                NumberKind::Other => "a number without a place",
                NumberKind::Invalid => "no range has such a number",
            }),
            Self::Suppressed(true) => f.write_str("on the suppression list"),
            Self::Suppressed(false) => f.write_str("not on the suppression list"),
            Self::Consent(needed, given) => {
                let (needed, given) = (consent(Some(*needed)), consent(*given));
                write!(f, "{needed} is needed, there is {given}")
            }
            Self::NoKind => f.write_str("the campaign does not say what its calls are for"),
            Self::NoConsent(kind) => {
                write!(f, "calls of the kind {} need no consent here", kind.code())
            }
            Self::ConsentElsewhere(needed, elsewhere) => {
                let (needed, given) = (consent(Some(*needed)), consent(Some(elsewhere.kind)));
                let reason = &elsewhere.reason;
                write!(f, "{needed} is needed, {given} is kept elsewhere: {reason}")?;
                match elsewhere.by {
                    Some(key) => write!(f, " (said by {key})"),
                    None => Ok(()),
                }
            }
            Self::State(state) => write!(f, "the campaign is {}", state.code()),
            Self::Over => f.write_str("the campaign's end is past"),
            Self::Zones(1) => f.write_str("1 zone"),
            Self::Zones(zones) => write!(f, "{zones} zones"),
            Self::Time(rule, passed, zones) => {
                let what = match (rule, passed) {
                    (Rule::CampaignWindow, true) => "inside the campaign's windows in",
                    (Rule::CampaignWindow, false) => "outside the campaign's windows in one of",
                    (Rule::Holiday, true) => "no public holiday in",
                    (Rule::Holiday, false) => "a public holiday in one of",
                    (Rule::BlockedDay, true) => "no blocked day in",
                    (Rule::BlockedDay, false) => "a blocked day in one of",
                    (_, true) => "inside the legal hours in",
                    (_, false) => "outside the legal hours in one of",
                };
                match zones {
                    1 => write!(f, "{} 1 zone", what.trim_end_matches(" one of")),
                    zones if *passed => write!(f, "{what} all {zones} zones"),
                    zones => write!(f, "{what} {zones} zones"),
                }
            }
            Self::Reached(reached) => {
                let (count, most) = (reached.count, reached.most);
                match reached.what {
                    Capped::AttemptsPerDay => write!(f, "{count} of {most} attempts in 24 h"),
                    Capped::AttemptsPerWeek => write!(f, "{count} of {most} attempts in 7 days"),
                    Capped::AfterConversation(days) => {
                        write!(f, "a conversation within the last {days} days")
                    }
                    Capped::AttemptsPerMonth => write!(f, "{count} of {most} attempts in 30 days"),
                    Capped::ConversationsPerDay => {
                        write!(f, "{count} of {most} conversations in 24 h")
                    }
                }
            }
            Self::AttemptsToday(count, most) => write!(f, "{count} of {most} attempts in 24 h"),
            Self::Gap(Some(until)) => {
                write!(f, "the gap after the last attempt lasts until {until}")
            }
            Self::Gap(None) => f.write_str("no attempt so shortly before"),
            Self::Starts(at) => write!(f, "the campaign starts at {at}"),
            Self::Attempts(made, most) => write!(f, "{made} of {most} attempts of the campaign"),
            Self::Alternate(true) => f.write_str("the campaign calls leads' other numbers"),
            Self::Alternate(false) => f.write_str("the campaign calls no other numbers of leads"),
            Self::OtherCall(true) => f.write_str("another call to the number is on its way"),
            Self::OtherCall(false) => f.write_str("no other call to the number"),
        }
    }
}

fn consent(kind: Option<ConsentKind>) -> &'static str {
    match kind {
        Some(ConsentKind::Express) => "express consent",
        Some(ConsentKind::Written) => "written consent",
        None => "none",
    }
}

#[cfg(test)]
mod tests;
