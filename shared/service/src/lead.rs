//! Leads by hand: add, read, list, correct, remove while they wait, export.
//!
//! A number is one lead of a campaign, however often it is added. Numbers that must not be called are
//! kept out when they are added, and looked at again at the moment of dialling.

mod correction;
pub mod export;
pub mod imports;
pub mod listed;
pub(crate) mod place;
mod sheet;
pub mod suppressions;

use std::collections::BTreeSet;
use std::sync::Arc;

use dialer::{NumberKind, Opening, Place, RegionCode, Schedule, ZoneName};
use intake::Country;
use jiff::Timestamp;
use model::{
    ALTERNATES_MAX, AlternateNumber, Campaign, CampaignId, CampaignState, Consent, EventKind, Lead,
    LeadId, LeadPriority, LeadState, PhoneNumber, Rotation, Rule, StatedPlace, TenantId,
    VALUE_CHARS_MAX, Variables, element, member,
};
use serde::{Deserialize, Serialize};
use store::{HeldFilter, LeadFilter, LeadPage, LeadRow, LeadsRefused, NotLetIn, StoreError};

use self::correction::Corrected;
use self::listed::{is_kept_out, listed};
pub use self::place::{PostalCode, PostalCodeProblem};
use crate::call::VARIABLES_MAX;
use crate::campaign::entry::Entries;
use crate::{Clock, Fault, FieldProblem, Ids, Refused};

/// Leads of one request. More come in several requests, or as a file.
pub const LEADS_AT_ONCE_MAX: usize = 1_000;
/// Bytes of a lead's variables with their names, all together: as long as a row of an imported list may be.
pub const VARIABLES_BYTES_MAX: usize = 32 * 1024;
/// The longest text on where a consent was given.
pub const CONSENT_SOURCE_CHARS_MAX: usize = 500;

/// Tries of a write while its campaign is closed, opened or completed by others.
const ENTRY_TRIES_MAX: u32 = 8;

/// A lead as a user adds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewLead {
    pub number: PhoneNumber,
    /// Other numbers of the same person. They are called, in this order, where the campaign's `alternate_numbers`
    /// say so.
    #[serde(default)]
    pub alternates: Vec<PhoneNumber>,
    /// The lead's own zone, an IANA name: it has to allow a call besides every zone that a number may be in, or alone
    /// where the campaign's `zones` say so.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = "time-zone", example = "America/Chicago"))]
    #[serde(default, deserialize_with = "place::text::deserialize")]
    pub zone: Option<ZoneName>,
    /// The state or province that it is in (ISO 3166-2; of Australia, Brazil, Canada, Mexico or the US): its rules and
    /// zones apply besides those of the number.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, pattern = "^(AU|BR|CA|MX|US)-[A-Z]{2,3}$", example = "US-CA"))]
    #[serde(default, deserialize_with = "place::text::deserialize")]
    pub region: Option<RegionCode>,
    /// As the country's postal service writes it: rules and zones of its state apply besides those of the number.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 12, pattern = "^[A-Za-z0-9 .-]{1,12}$", example = "94103"))]
    #[serde(default, deserialize_with = "place::text::deserialize")]
    pub postal_code: Option<PostalCode>,
    /// The country that it is in, where the number is another's: the rules of both apply.
    #[serde(default)]
    pub country: Option<Country>,
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>))]
    #[serde(default)]
    pub variables: Variables,
    #[serde(default)]
    pub priority: LeadPriority,
    #[serde(default)]
    pub consent: Option<Consent>,
    /// Not called before; absent: at once.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
}

/// What may be corrected of a lead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LeadFields {
    /// Another number makes it another lead, with an `id` of its own, that goes on where this one stands; attempts
    /// are counted anew. `null`: the number stays.
    #[serde(default)]
    pub number: Option<PhoneNumber>,
    /// Other numbers of the same person, in the order in which they are called; the one that is `number` is left out.
    /// `null`: they stay.
    #[serde(default)]
    pub alternates: Option<Vec<PhoneNumber>>,
    /// The lead's own zone, an IANA name: it has to allow a call besides every zone that a number may be in, or alone
    /// where the campaign's `zones` say so.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = "time-zone", example = "America/Chicago"))]
    #[serde(default, with = "place::text")]
    pub zone: Option<ZoneName>,
    /// The state or province that it is in (ISO 3166-2; of Australia, Brazil, Canada, Mexico or the US): its rules and
    /// zones apply besides those of the number.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, pattern = "^(AU|BR|CA|MX|US)-[A-Z]{2,3}$", example = "US-CA"))]
    #[serde(default, with = "place::text")]
    pub region: Option<RegionCode>,
    /// As the country's postal service writes it: rules and zones of its state apply besides those of the number.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 12, pattern = "^[A-Za-z0-9 .-]{1,12}$", example = "94103"))]
    #[serde(default, with = "place::text")]
    pub postal_code: Option<PostalCode>,
    /// The country that it is in, where the number is another's: the rules of both apply.
    #[serde(default)]
    pub country: Option<Country>,
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>))]
    #[serde(default)]
    pub variables: Variables,
    #[serde(default)]
    pub priority: LeadPriority,
    #[serde(default)]
    pub consent: Option<Consent>,
    /// Not called before; absent: at once.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
}

/// What became of a lead that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = LeadAdded))]
#[serde(rename_all = "snake_case")]
pub enum Added {
    Added,
    /// The campaign, or the same request, has the number already.
    ThereAlready,
    /// The number must not be called: it was kept out.
    Suppressed,
}

/// The use cases of leads.
#[derive(Debug, Clone)]
pub struct Leads {
    campaigns: store::Campaigns,
    entries: Entries,
    clock: Arc<dyn Clock>,
    contacts: store::Contacts,
    leads: store::Leads,
    ids: Ids,
}

impl Leads {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>, ids: Ids) -> Self {
        Self {
            campaigns: store.campaigns.clone(),
            entries: Entries::new(store.campaigns.clone(), Arc::clone(&clock), ids.clone()),
            clock,
            contacts: store.contacts.clone(),
            leads: store.leads.clone(),
            ids,
        }
    }

    /// Adds leads to a campaign: all of them, or none and everything that is wrong. May be repeated: who is
    /// there already stays as they are. A campaign that is completed goes on with them.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        new: &[NewLead],
    ) -> Result<Vec<(LeadId, Added)>, Refused> {
        let found = self.entries.campaign(tenant, campaign).await?;
        let problems = problems(new);
        if !problems.is_empty() {
            return Err(Refused::Invalid(problems));
        }
        let numbers: Vec<PhoneNumber> = new.iter().flat_map(NewLead::numbers).cloned().collect();
        let contacts = self.contacts.batch_get(tenant, &numbers).await?;
        let listed = listed(contacts);
        let suppressed =
            |lead: &NewLead| is_kept_out(lead.numbers(), &listed, &found.fields.alternate_numbers);
        let now = self.clock.now();
        let rows: Vec<Lead> = new
            .iter()
            .filter(|lead| !suppressed(lead))
            .map(|lead| row(lead, campaign, now))
            .collect();
        let mut added = self.let_in(&found, &rows).await?;
        if !added.is_empty() {
            self.tell(&found, now).await?;
        }
        let became = new.iter().map(|lead| {
            let id = LeadId::of(campaign, &lead.number);
            // Of a number that was given twice the first is the lead.
            let became = if added.remove(&id) {
                Added::Added
            } else if suppressed(lead) {
                Added::Suppressed
            } else {
                Added::ThereAlready
            };
            (id, became)
        });
        Ok(became.collect())
    }

    /// Lets leads into a campaign, which may be closed or opened meanwhile. Answers those that are new.
    async fn let_in(
        &self,
        campaign: &Campaign,
        leads: &[Lead],
    ) -> Result<BTreeSet<LeadId>, Refused> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let mut entry = self.entries.of(campaign)?;
        let mut all = BTreeSet::new();
        for _try in 0..ENTRY_TRIES_MAX {
            match self.leads.let_in(tenant, id, leads, entry).await {
                Ok(inserted) => {
                    all.extend(inserted.added);
                    return Ok(all);
                }
                Err(LeadsRefused::NotLetIn { because, added }) => {
                    all.extend(added);
                    entry = self.entries.again(tenant, id, because).await?;
                }
                Err(error) => return Err(refused(error)),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Reads a lead.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lead: LeadId,
    ) -> Result<LeadRow, Refused> {
        self.there(tenant, campaign).await?;
        let found = self.leads.get(tenant, campaign, lead).await?;
        found.ok_or(Refused::NotFound)
    }

    /// Leads of a campaign that pass the filter, in a fixed order, after a lead. A page may have fewer
    /// than `limit`, or none, and another one after it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn list(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        filter: &LeadFilter,
        after: Option<LeadId>,
        limit: u32,
    ) -> Result<LeadPage, Refused> {
        self.there(tenant, campaign).await?;
        let leads = &self.leads;
        Ok(leads.list(tenant, campaign, filter, after, limit).await?)
    }

    /// A filter that also asks which rule holds leads back: of those that are waiting or done the rule that turned
    /// them back, put them off or ended them when they were looked at last, and of those that wait also what holds
    /// them all at this moment, as the campaign's progress tells it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn held_by(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        rule: Rule,
    ) -> Result<HeldFilter, Refused> {
        let found = self.campaigns.get(tenant, campaign).await?;
        let found = found.ok_or(Refused::NotFound)?;
        let now = self.clock.now();
        let mut held = HeldFilter {
            rule,
            lanes: Vec::new(),
            waiting: false,
            due_after: None,
        };
        if found.state != CampaignState::Running {
            held.waiting = rule == Rule::CampaignState;
            return Ok(held);
        }
        held.due_after = (rule == Rule::NotDue).then_some(now);
        if rule.closes_lanes() {
            let lanes = self.leads.counts(tenant, campaign).await?;
            let closed = lanes.iter().filter(|lane| {
                let opening = Schedule::new(Some(&found.fields), &lane.lane).at(now);
                let closed_by = match opening {
                    Opening::Open { .. } => None,
                    Opening::Closed { rule, .. } => Some(rule),
                };
                lane.counts.waiting > 0 && closed_by == Some(rule)
            });
            held.lanes = closed.map(|lane| lane.lane.id()).collect();
        }
        Ok(held)
    }

    /// What may be corrected of a lead, as it is now.
    #[must_use]
    pub fn fields(lead: &Lead) -> LeadFields {
        let stated = &lead.stated_place;
        LeadFields {
            number: Some(lead.number.clone()),
            alternates: Some(
                lead.alternates
                    .iter()
                    .map(|alternate| alternate.number.clone())
                    .collect(),
            ),
            // What is stored was read before.
            zone: stated.zone.as_ref().and_then(|zone| zone.parse().ok()),
            region: stated
                .region
                .as_ref()
                .and_then(|region| region.parse().ok()),
            postal_code: stated
                .postal_code
                .as_ref()
                .and_then(|code| code.parse().ok()),
            country: stated
                .country
                .as_ref()
                .and_then(|country| country.parse().ok()),
            variables: lead.variables.clone(),
            priority: lead.priority,
            consent: lead.consent.clone(),
            due_at: match lead.state {
                LeadState::Waiting { due_at } => Some(due_at),
                LeadState::Calling { .. } | LeadState::Done { .. } => None,
            },
        }
    }

    /// Corrects a lead that has the version that the correction was made from: one that waits, or one that is done
    /// and whose correction is what it lacked. Another number makes it another lead, which is answered.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::LeadNotWaiting`] while it is called, and when it is done for another reason than
    /// what is corrected; [`Refused::NumberInCampaign`] when the other number is a lead already.
    pub async fn change(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lead: LeadId,
        version: u64,
        fields: LeadFields,
    ) -> Result<LeadRow, Refused> {
        let before = self.get(tenant, campaign, lead).await?;
        if before.row_version != version {
            return Err(changed(&before));
        }
        let found = self.campaigns.get(tenant, campaign).await?;
        let mut found = found.ok_or(Refused::NotFound)?;
        for _try in 0..ENTRY_TRIES_MAX {
            match self.correct(&found, &before, &fields).await {
                Ok(row) => return Ok(row),
                Err(NotCorrected::LetIn(because)) => {
                    self.entries.again(tenant, campaign, because).await?;
                    found = self.entries.campaign(tenant, campaign).await?;
                }
                Err(NotCorrected::Changed) => {
                    return Err(changed(&self.get(tenant, campaign, lead).await?));
                }
                Err(NotCorrected::Refused(refused)) => return Err(refused),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Corrects a lead of a campaign as both were read.
    async fn correct(
        &self,
        campaign: &Campaign,
        before: &LeadRow,
        fields: &LeadFields,
    ) -> Result<LeadRow, NotCorrected> {
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let problems = fields.problems(&before.lead);
        if !problems.is_empty() {
            return Err(Refused::Invalid(problems).into());
        }
        let now = self.clock.now();
        let number = fields.number.as_ref();
        let number = number.filter(|number| **number != before.lead.number);
        let there = match number {
            Some(number) => self.leads.of_number(tenant, id, number).await?,
            None => None,
        };
        let corrected = correction::of(
            campaign,
            &before.lead,
            fields,
            there.as_ref().map(|row| &row.lead),
            now,
        )?;
        if let Some(number) = number
            && self
                .contacts
                .get(tenant, number)
                .await?
                .suppression
                .is_some()
        {
            return Err(Refused::NumberSuppressed.into());
        }
        let (row, calls_anew) = match corrected {
            Corrected::InPlace(after) => {
                let row = self.leads.replace(tenant, before, &after).await?;
                (row, after.lane_in_turn() != before.lead.lane_in_turn())
            }
            Corrected::BroughtBack(after) => {
                let entry = self.entries.of(campaign)?;
                let row = self.leads.correct(tenant, (before, &after), None, &entry);
                (row.await?, true)
            }
            Corrected::Moved { stays, goes_on } => {
                let entry = self.entries.of(campaign)?;
                let to = Some((&*goes_on, there.as_ref()));
                let row = self.leads.correct(tenant, (before, &stays), to, &entry);
                (row.await?, true)
            }
        };
        if calls_anew {
            self.tell(campaign, now).await?;
        }
        Ok(row)
    }

    /// Removes a lead that waits. Its calls, if there were any, are kept.
    ///
    /// # Errors
    /// See [`Refused`]; [`Refused::LeadNotWaiting`] while it is called and when it is done.
    pub async fn remove(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        lead: LeadId,
    ) -> Result<(), Refused> {
        loop {
            let row = self.get(tenant, campaign, lead).await?;
            let LeadState::Waiting { .. } = row.lead.state else {
                return Err(Refused::LeadNotWaiting);
            };
            // Whoever was faster has changed it: it is looked at again, until it does not wait.
            if self.leads.remove_many(tenant, &[row]).await? == 1 {
                return Ok(());
            }
        }
    }

    async fn there(&self, tenant: TenantId, campaign: CampaignId) -> Result<(), Refused> {
        let found = self.campaigns.get(tenant, campaign).await?;
        found.map(|_there| ()).ok_or(Refused::NotFound)
    }

    /// Leads of a running campaign that are new, or may be called where they might not, may be called at once. One
    /// that is opened with them is told of in that transaction.
    async fn tell(&self, campaign: &Campaign, now: Timestamp) -> Result<(), Refused> {
        let (campaign_id, state) = (campaign.id, campaign.state);
        if state != CampaignState::Running {
            return Ok(());
        }
        let kind = EventKind::CampaignChanged { campaign_id, state };
        let event = self.ids.event(campaign.tenant_id, kind, now);
        Ok(self.campaigns.tell(&event).await?)
    }
}

/// Why a correction was not written.
enum NotCorrected {
    /// Its campaign did not let it in as it was read.
    LetIn(NotLetIn),
    /// The lead is not.
    Changed,
    Refused(Refused),
}

impl From<Refused> for NotCorrected {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for NotCorrected {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<LeadsRefused> for NotCorrected {
    fn from(error: LeadsRefused) -> Self {
        match error {
            LeadsRefused::NotLetIn { because, .. } => Self::LetIn(because),
            LeadsRefused::Changed => Self::Changed,
            LeadsRefused::Store(error) => error.into(),
        }
    }
}

impl LeadFields {
    fn stated(&self) -> StatedPlace {
        place::stated(
            self.zone.as_ref(),
            self.region.as_ref(),
            self.postal_code.as_ref(),
            self.country,
        )
    }
}

impl NewLead {
    /// Every number of the person, the lead's own first.
    fn numbers(&self) -> impl Iterator<Item = &PhoneNumber> {
        std::iter::once(&self.number).chain(&self.alternates)
    }
}

/// Somebody's other numbers: what is said of the place is the person's, whichever number is called.
pub(crate) fn alternates(
    numbers: impl Iterator<Item = PhoneNumber>,
    stated: &StatedPlace,
    consent: Option<&Consent>,
) -> Vec<AlternateNumber> {
    numbers
        .map(|number| AlternateNumber {
            lane: Place::of(&number).lane(stated, consent),
            number,
        })
        .collect()
}

fn row(new: &NewLead, campaign_id: CampaignId, now: Timestamp) -> Lead {
    let stated = place::stated(
        new.zone.as_ref(),
        new.region.as_ref(),
        new.postal_code.as_ref(),
        new.country,
    );
    let alternates = alternates(
        new.alternates.iter().cloned(),
        &stated,
        new.consent.as_ref(),
    );
    Lead {
        id: LeadId::of(campaign_id, &new.number),
        campaign_id,
        number: new.number.clone(),
        lane: Place::of(&new.number).lane(&stated, new.consent.as_ref()),
        alternates,
        rotation: Rotation::default(),
        stated_place: stated,
        counted_lane: None,
        variables: new.variables.clone(),
        priority: new.priority,
        consent: new.consent.clone(),
        state: LeadState::Waiting {
            due_at: new.due_at.unwrap_or(now),
        },
        attempts: 0,
        faults: 0,
        last_call_id: None,
        last_attempt_at: None,
        last_outcome: None,
        held_by: None,
        moved_to: None,
        import_id: None,
        created_at: now,
        updated_at: now,
    }
}

/// Everything that is wrong with leads that are to be added, all at once.
#[must_use]
pub fn problems(new: &[NewLead]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if !(1..=LEADS_AT_ONCE_MAX).contains(&new.len()) {
        let says = format!("must be from 1 to {LEADS_AT_ONCE_MAX}, are {}", new.len());
        problems.push(FieldProblem::new("/leads", Fault::OutOfRange, says));
        return problems;
    }
    for (place, lead) in new.iter().enumerate() {
        let at = element("/leads", place);
        problems.extend(number_problem(member(&at, "number"), &lead.number));
        let alternates_at = member(&at, "alternates");
        let own = Some(&lead.number);
        alternate_problems(&alternates_at, own, &lead.alternates, &[], &mut problems);
        field_problems(&at, &lead.variables, lead.consent.as_ref(), &mut problems);
    }
    problems
}

/// Why a number is nobody's to call.
fn number_problem(at: String, number: &PhoneNumber) -> Option<FieldProblem> {
    let (fault, says) = match Place::of(number).kind() {
        NumberKind::Invalid => {
            let says = "is in no range of numbers that its country has";
            (Fault::Malformed, says)
        }
        NumberKind::Premium => (Fault::OutOfRange, "is a premium-rate number"),
        NumberKind::Geographic | NumberKind::Mobile | NumberKind::TollFree | NumberKind::Other => {
            return None;
        }
    };
    Some(FieldProblem::new(at, fault, says))
}

/// What is wrong with somebody's other numbers. None may be the own one, if that is given; nothing is asked of those
/// that are known.
fn alternate_problems(
    at: &str,
    own: Option<&PhoneNumber>,
    alternates: &[PhoneNumber],
    known: &[&PhoneNumber],
    problems: &mut Vec<FieldProblem>,
) {
    let count = alternates.len();
    if count > ALTERNATES_MAX {
        let says = format!("must be at most {ALTERNATES_MAX}, are {count}");
        problems.push(FieldProblem::new(at, Fault::OutOfRange, says));
        return;
    }
    for (place, number) in alternates.iter().enumerate() {
        let at = element(at, place);
        let mut before = own.into_iter().chain(alternates.iter().take(place));
        if before.any(|before| before == number) {
            let says = "is one of the lead's numbers already";
            problems.push(FieldProblem::new(at, Fault::Repeated, says));
        } else if !known.contains(&number) {
            problems.extend(number_problem(at, number));
        }
    }
}

impl LeadFields {
    /// Everything that is wrong with them, all at once, of a lead as it is.
    #[must_use]
    pub fn problems(&self, lead: &Lead) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let number = self
            .number
            .as_ref()
            .filter(|number| **number != lead.number);
        problems.extend(number.and_then(|number| number_problem("/number".to_owned(), number)));
        // Those that it has already stay as they came.
        let known: Vec<&PhoneNumber> = lead.numbers().map(|(number, _lane)| number).collect();
        let alternates = self.alternates.as_deref().unwrap_or_default();
        alternate_problems("/alternates", None, alternates, &known, &mut problems);
        let consent = self.consent.as_ref();
        field_problems("", &self.variables, consent, &mut problems);
        problems
    }
}

fn field_problems(
    at: &str,
    variables: &Variables,
    consent: Option<&Consent>,
    problems: &mut Vec<FieldProblem>,
) {
    let variables_at = member(at, "variables");
    if variables.len() > VARIABLES_MAX {
        let says = format!("must be at most {VARIABLES_MAX}, are {}", variables.len());
        problems.push(FieldProblem::new(&variables_at, Fault::OutOfRange, says));
    }
    for (name, value) in variables.iter().take(VARIABLES_MAX) {
        let chars = value.chars().count();
        if chars > VALUE_CHARS_MAX {
            let says = format!("must have at most {VALUE_CHARS_MAX} characters, has {chars}");
            let at = member(&variables_at, name);
            problems.push(FieldProblem::new(at, Fault::OutOfRange, says));
        }
    }
    let bytes = variables
        .iter()
        .map(|(name, value)| name.len() + value.len());
    let bytes: usize = bytes.sum();
    if bytes > VARIABLES_BYTES_MAX {
        let says = format!("must have at most {VARIABLES_BYTES_MAX} bytes in all, have {bytes}");
        problems.push(FieldProblem::new(&variables_at, Fault::OutOfRange, says));
    }
    let source = consent.and_then(|consent| consent.source.as_ref());
    if source.is_some_and(|source| source.chars().count() > CONSENT_SOURCE_CHARS_MAX) {
        let says = format!("must have at most {CONSENT_SOURCE_CHARS_MAX} characters");
        problems.push(FieldProblem::new(
            format!("{at}/consent/source"),
            Fault::OutOfRange,
            says,
        ));
    }
}

fn changed(row: &LeadRow) -> Refused {
    let current = u32::try_from(row.row_version).unwrap_or(u32::MAX);
    Refused::RevisionChanged { current }
}

fn refused(error: LeadsRefused) -> Refused {
    match error {
        LeadsRefused::NotLetIn { .. } | LeadsRefused::Changed => {
            Refused::Unavailable(StoreError::Conflict)
        }
        LeadsRefused::Store(error) => Refused::Unavailable(error),
    }
}
