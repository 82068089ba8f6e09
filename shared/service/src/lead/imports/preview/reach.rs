//! Whom of a list the campaign can call, and what stands in the way of the others.

use std::collections::{BTreeMap, BTreeSet};

use dialer::{Lanes, Opener, Place, never, opened_by, openers};
use intake::{NumberKind, Row};
use jiff::Timestamp;
use model::{Campaign, CampaignState, LaneId, Lead, PhoneNumber, Rule, Variables};

/// Groups of leads that are never called of which a preview tells.
pub const NEVER_CALLED_MAX: usize = 20;

/// What becomes of the leads that a list would bring, as the campaign is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Those that have their hours and all that is said to them.
    pub callable: u64,
    /// Those that a rule keeps from ever being called.
    pub never_called: u64,
    /// Those by rule and place, most leads first.
    pub groups: Vec<NeverCalled>,
    /// Those without a value for a variable of the campaign's texts, who could be called otherwise.
    pub lacking: u64,
    /// How many leads lack each variable.
    pub missing: BTreeMap<String, u64>,
}

/// Leads of one place and kind that one rule keeps from ever being called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeverCalled {
    pub rule: Rule,
    pub leads: u64,
    /// The first row with one.
    pub first_row: u64,
    pub kind: NumberKind,
    /// The country that the number is from, as two letters.
    pub country: Option<String>,
    /// Zones that the number may be in.
    pub zones: Vec<String>,
    /// What would let them be called; each is enough by itself.
    pub opened_by: Vec<Opener>,
}

/// Looks at the leads of a list one by one.
#[derive(Debug)]
pub(super) struct Reaching {
    /// As it will be when it runs.
    campaign: Campaign,
    needed: BTreeSet<String>,
    lanes: Lanes,
    from: Timestamp,
    groups: BTreeMap<(Rule, LaneId, NumberKind), NeverCalled>,
    reach: Reach,
}

impl Reaching {
    /// For a campaign that says these variables, from now on or from its start.
    pub(super) fn new(campaign: Campaign, needed: BTreeSet<String>, now: Timestamp) -> Self {
        let from = campaign.fields.starts_at.map_or(now, |at| at.max(now));
        Self {
            campaign: Campaign {
                state: CampaignState::Running,
                ..campaign
            },
            needed,
            lanes: Lanes::new(),
            from,
            groups: BTreeMap::new(),
            reach: Reach::default(),
        }
    }

    pub(super) fn see(&mut self, row: &Row, lead: &Lead) {
        let lacking = self.lacking(&lead.variables);
        if let Some(rule) = never(&mut self.lanes, &self.campaign, lead, self.from) {
            self.reach.never_called += 1;
            let of = (rule, lead.lane.id(), row.kind);
            let group = self.groups.entry(of).or_insert_with(|| NeverCalled {
                rule,
                leads: 0,
                first_row: row.start.row,
                kind: row.kind,
                country: country_of(&lead.number),
                zones: lead.lane.zones.clone(),
                opened_by: openers(&self.campaign.fields, &lead.lane, self.from),
            });
            group.leads += 1;
        } else if lacking {
            self.reach.lacking += 1;
        } else {
            self.reach.callable += 1;
        }
    }

    pub(super) fn reach(mut self) -> Reach {
        let mut groups: Vec<NeverCalled> = self.groups.into_values().collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.leads), group.first_row));
        groups.truncate(NEVER_CALLED_MAX);
        self.reach.groups = groups;
        self.reach
    }

    fn lacking(&mut self, variables: &Variables) -> bool {
        let has = |name: &String| {
            let value = variables.get(name);
            value.is_some_and(|value| !value.trim().is_empty())
        };
        let mut lacking = false;
        for name in self.needed.iter().filter(|name| !has(name)) {
            lacking = true;
            *self.reach.missing.entry(name.clone()).or_default() += 1;
        }
        lacking
    }
}

/// The country that a number is from, as two letters.
pub(super) fn country_of(number: &PhoneNumber) -> Option<String> {
    let country = Place::of(number).country();
    (!country.is_empty()).then(|| country.to_owned())
}

impl NeverCalled {
    /// Who they are, why, and what would let them be called.
    #[must_use]
    pub fn sentence(&self) -> String {
        let leads = match self.leads {
            1 => "1 lead".to_owned(),
            leads => format!("{leads} leads"),
        };
        let kind = match self.kind {
            NumberKind::Landline => "landline",
            NumberKind::Mobile => "mobile",
            NumberKind::LandlineOrMobile => "landline or mobile",
            NumberKind::TollFree => "toll-free number",
            NumberKind::SharedCost => "shared-cost number",
            NumberKind::Voip => "internet number",
            NumberKind::Personal => "personal number",
            NumberKind::Company => "company number",
        };
        let country = self.country.as_deref();
        let country = country.map(|country| format!(" in {country}"));
        let zones = match self.zones.as_slice() {
            [] => String::new(),
            [only] => format!(", {only}"),
            [first, .., last] => format!(", {} zones from {first} to {last}", self.zones.len()),
        };
        let who = format!("{leads} ({kind}{}{zones})", country.unwrap_or_default());
        format!("{who}: {}; {}", self.why(), self.help())
    }

    fn why(&self) -> String {
        let says = if self.rule == Rule::Consent {
            "the campaign calls only with consent, and the row has none of that kind"
        } else if self.rule == Rule::ZoneUnknown {
            "nobody knows in which time zone the number is"
        } else if self.rule == Rule::CampaignState {
            "the campaign's end is past"
        } else if self.rule.closes_lanes() {
            "there is no hour at which the campaign's windows and the law allow a call in all its zones"
        } else {
            return format!("the rule {} never allows a call", self.rule.code());
        };
        says.to_owned()
    }

    fn help(&self) -> String {
        if self.rule == Rule::Consent {
            return "give each lead its consent, in columns `consent_kind` and `consent_at`".into();
        }
        if self.rule == Rule::ZoneUnknown {
            return "give each lead its zone, in a column `zone`".into();
        }
        opened_by(&self.opened_by)
    }
}
