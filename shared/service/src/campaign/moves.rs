//! Start, pause, resume, cancel.
//!
//! A move is decided on the campaign as it was read and written on condition that it still is. Asking for
//! what is so already changes nothing; only a second start is refused, so that nobody takes it for
//! another one.

use jiff::Timestamp;
use model::{Campaign, CampaignId, CampaignState, LeadCounts, TenantId};
use store::{BindingRefused, StoreError};
use tracing::info;

use super::{AGENT, Campaigns, TRIES_MAX};
use crate::Refused;

/// What is asked of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Call from then on; absent: from `starts_at`, or at once.
    Start {
        at: Option<Timestamp>,
    },
    Pause,
    Resume,
    Cancel,
}

/// A campaign after a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub campaign: Campaign,
    pub counts: LeadCounts,
    /// What happens to calls and leads now, in a sentence or two.
    pub effect: String,
    /// What the look before the start found that does not forbid it.
    pub warnings: Vec<String>,
}

/// Where a move leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// It is so already.
    Nothing,
    To {
        state: CampaignState,
        starts_at: Option<Timestamp>,
        /// The campaign is looked over first.
        check: bool,
    },
}

impl Campaigns {
    /// Moves a campaign to another state.
    ///
    /// # Errors
    /// See [`Refused`]: [`Refused::CampaignState`] when the move does not fit its state,
    /// [`Refused::AlreadyStarted`] for a second start, [`Refused::CannotStart`] with everything that is
    /// missing.
    pub async fn make(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        wanted: Move,
    ) -> Result<Moved, Refused> {
        for _try in 0..TRIES_MAX {
            let before = self.get(tenant, campaign).await?;
            let now = self.clock.now();
            let (state, starts_at, check) = match decide(&before, wanted, now)? {
                Decision::Nothing => return self.moved(before, Vec::new()).await,
                Decision::To {
                    state,
                    starts_at,
                    check,
                } => (state, starts_at, check),
            };
            let mut after = before.clone();
            after.state = state;
            after.fields.starts_at = starts_at;
            after.revision = before.revision.saturating_add(1);
            after.updated_at = now;
            match state {
                CampaignState::Running => after.last_started_at = Some(now),
                CampaignState::Cancelled | CampaignState::Completed => after.ended_at = Some(now),
                CampaignState::Draft | CampaignState::Scheduled | CampaignState::Paused => {}
            }
            let mut warnings = Vec::new();
            if check {
                // As the campaign was read: a draft may be one that is still filled.
                let mut looked_at = before.clone();
                looked_at.fields.starts_at = starts_at;
                let checked = self.check_start(&looked_at).await?;
                if !checked.problems.is_empty() {
                    return Err(Refused::CannotStart(checked.problems));
                }
                warnings = checked.warnings;
            }
            match self.replace(&before, &after).await {
                Ok(()) => {
                    info!(campaign.id = %after.id, state = state.code(), "a campaign was moved");
                    return self.moved(after, warnings).await;
                }
                Err(BindingRefused::Changed) => {}
                Err(refused) => return Err(Refused::unbound(AGENT, refused)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn moved(&self, campaign: Campaign, warnings: Vec<String>) -> Result<Moved, Refused> {
        let counts = self.counts(campaign.tenant_id, campaign.id).await?;
        Ok(Moved {
            effect: effect(&campaign, &counts),
            campaign,
            counts,
            warnings,
        })
    }
}

fn decide(campaign: &Campaign, wanted: Move, now: Timestamp) -> Result<Decision, Refused> {
    use CampaignState as State;
    let state = campaign.state;
    let refuse = |says| Err(Refused::CampaignState { state, says });
    let later = |at: Option<Timestamp>| at.filter(|at| *at > now);
    let begin = |at: Option<Timestamp>| Decision::To {
        state: match later(at) {
            Some(_) => State::Scheduled,
            None => State::Running,
        },
        starts_at: at,
        check: true,
    };
    let to = |state| Decision::To {
        state,
        starts_at: campaign.fields.starts_at,
        check: false,
    };
    match (wanted, state) {
        (Move::Start { at }, State::Draft) => Ok(begin(at.or(campaign.fields.starts_at))),
        (Move::Start { at: Some(at) }, State::Scheduled) => Ok(begin(Some(at))),
        (Move::Start { at: None }, State::Scheduled) | (Move::Start { .. }, State::Running) => {
            Err(Refused::AlreadyStarted {
                state,
                starts_at: later(campaign.fields.starts_at),
            })
        }
        (Move::Start { .. }, State::Paused) => refuse("it is paused: resume it"),
        (Move::Pause, State::Scheduled | State::Running) => Ok(to(State::Paused)),
        (Move::Pause, State::Paused)
        | (Move::Resume, State::Running | State::Scheduled)
        | (Move::Cancel, State::Cancelled) => Ok(Decision::Nothing),
        (Move::Pause | Move::Resume, State::Draft) => refuse("it has not been started"),
        (Move::Resume, State::Paused) => Ok(begin(campaign.fields.starts_at)),
        (Move::Cancel, State::Draft) => refuse("it has not been started: delete it"),
        (Move::Cancel, State::Scheduled | State::Running | State::Paused) => {
            Ok(to(State::Cancelled))
        }
        (Move::Start { .. } | Move::Pause | Move::Resume | Move::Cancel, State::Completed) => {
            refuse("it is completed: add leads and it goes on, or redial")
        }
        (Move::Start { .. } | Move::Pause | Move::Resume, State::Cancelled) => {
            refuse("it is cancelled, and that is for good: redial, or make another one")
        }
    }
}

/// What happens to calls and leads of a campaign in its state.
fn effect(campaign: &Campaign, counts: &LeadCounts) -> String {
    let LeadCounts {
        waiting, calling, ..
    } = counts;
    let on_their_way = format!(
        "{calling} leads are being called: calls that ring or are on go on to their end, those that are \
         not placed yet are turned back and count no attempt"
    );
    match campaign.state {
        CampaignState::Draft => "nobody is called".to_owned(),
        CampaignState::Scheduled => {
            let starts_at = campaign.fields.starts_at;
            let from = starts_at.map_or_else(String::new, |at| format!(" from {at} on"));
            format!("{waiting} leads are called{from}")
        }
        CampaignState::Running => {
            format!("{waiting} leads are called as windows, limits and rules allow")
        }
        CampaignState::Paused => {
            format!("no new calls begin, {waiting} leads keep their place; {on_their_way}")
        }
        CampaignState::Completed => "nobody is called any more, unless leads are added".to_owned(),
        CampaignState::Cancelled => format!(
            "no new calls begin, {waiting} waiting leads end as cancelled within a minute or two; \
             {on_their_way}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use model::TenantId;

    use super::*;

    fn campaign(state: CampaignState, starts_at: Option<&str>) -> Campaign {
        let mut fields = support::campaign_fields("Spring");
        fields.starts_at = starts_at.map(|at| at.parse().unwrap());
        let (tenant, id) = (TenantId::from_parts(0, 0), CampaignId::from_parts(0, 0));
        Campaign {
            state,
            fields,
            ..support::campaign(tenant, id, Timestamp::UNIX_EPOCH)
        }
    }

    /// Every move in every state, as a table that people can check.
    #[test]
    fn every_move_fits_a_state_or_says_why_not() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let mut table = String::new();
        for (name, wanted) in [
            ("start", Move::Start { at: None }),
            (
                "start tomorrow",
                Move::Start {
                    at: Some("2026-03-02T12:00:00Z".parse().unwrap()),
                },
            ),
            ("pause", Move::Pause),
            ("resume", Move::Resume),
            ("cancel", Move::Cancel),
        ] {
            for state in CampaignState::ALL {
                let said = match decide(&campaign(state, None), wanted, now) {
                    Ok(Decision::Nothing) => "nothing".to_owned(),
                    Ok(Decision::To { state, .. }) => state.code().to_owned(),
                    Err(Refused::CampaignState { says, .. }) => says.to_owned(),
                    Err(other) => format!("{other}"),
                };
                table.push_str(&format!("{name}, {}: {said}\n", state.code()));
            }
        }
        expect_test::expect![[r#"
            start, draft: running
            start, scheduled: the campaign was started before
            start, running: the campaign was started before
            start, paused: it is paused: resume it
            start, completed: it is completed: add leads and it goes on, or redial
            start, cancelled: it is cancelled, and that is for good: redial, or make another one
            start tomorrow, draft: scheduled
            start tomorrow, scheduled: scheduled
            start tomorrow, running: the campaign was started before
            start tomorrow, paused: it is paused: resume it
            start tomorrow, completed: it is completed: add leads and it goes on, or redial
            start tomorrow, cancelled: it is cancelled, and that is for good: redial, or make another one
            pause, draft: it has not been started
            pause, scheduled: paused
            pause, running: paused
            pause, paused: nothing
            pause, completed: it is completed: add leads and it goes on, or redial
            pause, cancelled: it is cancelled, and that is for good: redial, or make another one
            resume, draft: it has not been started
            resume, scheduled: nothing
            resume, running: nothing
            resume, paused: running
            resume, completed: it is completed: add leads and it goes on, or redial
            resume, cancelled: it is cancelled, and that is for good: redial, or make another one
            cancel, draft: it has not been started: delete it
            cancel, scheduled: cancelled
            cancel, running: cancelled
            cancel, paused: cancelled
            cancel, completed: it is completed: add leads and it goes on, or redial
            cancel, cancelled: nothing
        "#]].assert_eq(&table);
    }

    #[test]
    fn a_start_in_the_future_is_a_schedule_and_a_resume_keeps_it() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let state = |campaign: &Campaign, wanted| match decide(campaign, wanted, now).unwrap() {
            Decision::To { state, .. } => state,
            Decision::Nothing => unreachable!("a move"),
        };
        let tomorrow = Some("2026-03-02T00:00:00Z");
        let draft = campaign(CampaignState::Draft, tomorrow);
        assert_eq!(
            state(&draft, Move::Start { at: None }),
            CampaignState::Scheduled
        );
        let at = Some(now);
        assert_eq!(state(&draft, Move::Start { at }), CampaignState::Running);
        let paused = campaign(CampaignState::Paused, tomorrow);
        assert_eq!(state(&paused, Move::Resume), CampaignState::Scheduled);
        let paused = campaign(CampaignState::Paused, Some("2026-02-01T00:00:00Z"));
        assert_eq!(state(&paused, Move::Resume), CampaignState::Running);
    }
}
