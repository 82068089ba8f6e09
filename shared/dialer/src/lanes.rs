//! Lanes of campaigns, ready to be asked: which are open now, decided before any lead is read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{Campaign, CampaignId, Caps, Lane, LaneId};

use crate::permit::caps_for;
use crate::windows::{Opening, Schedule};

/// The most campaigns that are remembered. Beyond it all are forgotten and made anew as they are asked
/// for: that costs a few microseconds a lane.
const CAMPAIGNS_MAX: usize = 1_000;

/// Schedules of lanes that were asked about, kept from one planning step to the next. Only a memory:
/// plans are the same with a new one.
#[derive(Debug, Clone, Default)]
pub struct Lanes {
    campaigns: BTreeMap<CampaignId, OfCampaign>,
}

/// Which lanes of a campaign are open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LanesOpen {
    pub open: Vec<LaneId>,
    /// Lanes that are closed and will open, with what they say.
    pub closed: Vec<(LaneId, Opening)>,
    /// Lanes that do not open within a year or before the campaign ends: their leads are `not_allowed`.
    pub never: Vec<LaneId>,
    /// The earliest opening among the closed ones.
    pub next_opening: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct OfCampaign {
    revision: u32,
    lanes: BTreeMap<LaneId, Ready>,
}

/// One lane of one campaign.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) schedule: Schedule,
    pub(crate) caps: Caps,
}

impl Lanes {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks each of these lanes of a campaign. Leads of the open ones are worth reading.
    pub fn open<'a>(
        &mut self,
        campaign: &Campaign,
        lanes: impl IntoIterator<Item = (LaneId, &'a Lane)>,
        now: Timestamp,
    ) -> LanesOpen {
        let mut answer = LanesOpen::default();
        let over = |at: Timestamp| campaign.fields.ends_at.is_some_and(|end| at >= end);
        for (id, lane) in lanes {
            let opening = self.ready(campaign, id, lane).schedule.at(now);
            match opening {
                Opening::Open { .. } => answer.open.push(id),
                Opening::Closed {
                    opens_at: Some(at), ..
                } if !over(at) => {
                    answer.closed.push((id, opening));
                    let next = answer.next_opening.get_or_insert(at);
                    *next = at.min(*next);
                }
                Opening::Closed { .. } => answer.never.push(id),
            }
        }
        answer
    }

    /// Whether one lane of a campaign is open.
    pub fn opening(
        &mut self,
        campaign: &Campaign,
        id: LaneId,
        lane: &Lane,
        now: Timestamp,
    ) -> Opening {
        self.ready(campaign, id, lane).schedule.at(now)
    }

    pub(crate) fn ready(&mut self, campaign: &Campaign, id: LaneId, lane: &Lane) -> &mut Ready {
        if self.campaigns.len() >= CAMPAIGNS_MAX && !self.campaigns.contains_key(&campaign.id) {
            self.campaigns.clear();
        }
        let of_campaign = self
            .campaigns
            .entry(campaign.id)
            .or_insert_with(|| OfCampaign {
                revision: campaign.revision,
                lanes: BTreeMap::new(),
            });
        if of_campaign.revision != campaign.revision {
            of_campaign.revision = campaign.revision;
            of_campaign.lanes.clear();
        }
        of_campaign.lanes.entry(id).or_insert_with(|| Ready {
            schedule: Schedule::new(Some(&campaign.fields), lane),
            caps: caps_for(&campaign.fields, lane),
        })
    }
}
