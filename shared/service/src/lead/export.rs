//! Leads as CSV, page by page, safe to open in a spreadsheet.
//!
//! Columns are fixed by the first page: lists have the same columns in every row. A variable that turns up
//! later is in the last column as JSON, so that nothing is lost and nothing is read twice.

use std::collections::{BTreeMap, BTreeSet};

use intake::export::record;
use model::{CampaignId, Lead, LeadId, LeadState, PhoneNumber, TenantId};
use serde::Serialize;
use store::{LeadFilter, LeadPage};

use super::Leads;
use crate::Refused;

/// Leads that are read, and written as one chunk, at a time.
const PAGE: u32 = 500;

const COLUMNS: [&str; 16] = [
    "number",
    "alternate_numbers",
    "number_in_turn",
    "lead_id",
    "state",
    "result",
    "done_at",
    "due_at",
    "attempts",
    "last_outcome",
    "last_attempt_at",
    "last_call_id",
    "priority",
    "zones",
    "import_id",
    "held_by",
];
const OTHERS: &str = "other_variables";

/// An export on its way.
#[derive(Debug)]
pub struct Export {
    leads: Leads,
    tenant: TenantId,
    campaign: CampaignId,
    filter: LeadFilter,
    variables: Vec<String>,
    /// The page that is written next.
    next: Option<LeadPage>,
    header_written: bool,
}

impl Leads {
    /// Begins to export those leads of a campaign that pass the filter.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn export(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        filter: LeadFilter,
    ) -> Result<Export, Refused> {
        let first = self.list(tenant, campaign, &filter, None, PAGE).await?;
        let names = first.items.iter().flat_map(|row| row.lead.variables.keys());
        let names: BTreeSet<&String> = names.collect();
        Ok(Export {
            leads: self.clone(),
            tenant,
            campaign,
            filter,
            variables: names.into_iter().cloned().collect(),
            next: Some(first),
            header_written: false,
        })
    }
}

impl Export {
    /// The next part of the file; `None` after the last.
    ///
    /// # Errors
    /// See [`Refused`]: what was written is not the whole file then.
    pub async fn chunk(&mut self) -> Result<Option<String>, Refused> {
        let Some(page) = self.next.take() else {
            return Ok(None);
        };
        let mut csv = String::new();
        if !self.header_written {
            self.header_written = true;
            let names = self.variables.iter().map(String::as_str);
            record(&mut csv, COLUMNS.into_iter().chain(names).chain([OTHERS]));
        }
        for row in &page.items {
            self.write(&mut csv, &row.lead);
        }
        if page.next.is_some() {
            self.next = Some(self.read(page.next).await?);
        }
        Ok(Some(csv))
    }

    async fn read(&self, after: Option<LeadId>) -> Result<LeadPage, Refused> {
        let (tenant, campaign) = (self.tenant, self.campaign);
        self.leads
            .list(tenant, campaign, &self.filter, after, PAGE)
            .await
    }

    fn write(&self, csv: &mut String, lead: &Lead) {
        let (state, result, done_at, due_at) = match &lead.state {
            LeadState::Waiting { due_at } => ("waiting", "", String::new(), due_at.to_string()),
            LeadState::Calling { .. } => ("calling", "", String::new(), String::new()),
            LeadState::Done { result, done_at } => {
                ("done", result.code(), done_at.to_string(), String::new())
            }
        };
        let text = |value: Option<String>| value.unwrap_or_default();
        let alternates = lead.numbers_besides(&lead.number);
        let alternates: Vec<&str> = alternates.map(PhoneNumber::as_str).collect();
        let own = [
            lead.number.as_str().to_owned(),
            alternates.join(" / "),
            lead.number_in_turn().as_str().to_owned(),
            lead.id.to_string(),
            state.to_owned(),
            result.to_owned(),
            done_at,
            due_at,
            lead.attempts.to_string(),
            text(lead.last_outcome.map(|outcome| outcome.code().to_owned())),
            text(lead.last_attempt_at.map(|at| at.to_string())),
            text(lead.last_call_id.map(|call| call.to_string())),
            word(&lead.priority),
            lead.lane_in_turn().zones.join(" "),
            text(lead.import_id.map(|import| import.to_string())),
            text(lead.held_by.map(|rule| rule.code().to_owned())),
        ];
        let variables = self.variables.iter();
        let variables = variables.map(|name| lead.variables.get(name).map_or("", String::as_str));
        let others: BTreeMap<&String, &String> = lead
            .variables
            .iter()
            .filter(|(name, _value)| self.variables.binary_search(name).is_err())
            .collect();
        let others = if others.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&others).unwrap_or_default()
        };
        let cells = own.iter().map(String::as_str).chain(variables);
        record(csv, cells.chain([others.as_str()]));
    }
}

/// The word that a value of a closed vocabulary has in JSON.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
