//! What a list would bring: its first rows as they are understood, how many are kept out for what, and whom of the
//! others the campaign can call.

mod reach;

use std::collections::BTreeMap;

use bytes::Bytes;
use intake::workbook::Workbook;
use intake::{
    Entry, FileProblem, Intake, Layout, Options, OtherColumn, OtherNumbers, Reason, Reject, Row,
};
use model::{AlternateNumbers, Campaign, LeadId, PhoneNumber};
use store::Import;

use super::Imports;
use super::leads::lead_of;
use crate::Refused;
use crate::campaign::checks::variables_said;
use crate::lead::listed::{is_kept_out, listed};
use crate::lead::sheet::ListCsv;

pub use self::reach::{NEVER_CALLED_MAX, NeverCalled, Reach};
use self::reach::{Reaching, country_of};

/// How much of an uploaded list is looked at for a preview.
pub const PREVIEW_BYTES_MAX: u64 = 1_000_000;
/// Rows of each kind that a preview shows.
pub const PREVIEW_ROWS_MAX: usize = 20;
/// Rows that are looked up at once: what one batch of reads takes.
const LOOKED_UP_AT_ONCE: usize = 100;

/// What a list would bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub layout: Layout,
    /// The workbook that it is in, with the sheet that was read.
    pub workbook: Option<Workbook>,
    /// Whether the whole list was looked at; if not, counts are of its beginning.
    pub whole: bool,
    /// Rows that were looked at.
    pub rows: u64,
    /// Those that would be added.
    pub good: u64,
    /// Those that would be kept out, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// What becomes of those that would be added.
    pub reach: Reach,
    /// Columns of phone numbers that are taken for something else.
    pub others: Vec<OtherColumn>,
    /// The first rows that would be added, and the first that would be kept out.
    pub first: Vec<PreviewRow>,
    pub first_rejected: Vec<Reject>,
}

/// A row as it is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewRow {
    pub row: Row,
    /// The country that its number is from, as two letters.
    pub number_country: Option<String>,
    /// The zones that its number may be in.
    pub zones: Vec<String>,
}

/// What rows are looked at with.
struct Looking {
    import: Import,
    alternates: AlternateNumbers,
    reaching: Reaching,
}

impl Imports {
    /// Of a list for this campaign.
    pub(super) async fn preview_of(
        &self,
        campaign: Campaign,
        list: ListCsv,
    ) -> Result<Preview, Refused> {
        let ListCsv {
            csv,
            whole,
            options,
            workbook,
        } = list;
        let (tenant, id) = (campaign.tenant_id, campaign.id);
        let said = variables_said(&self.agents, &self.prompts, tenant, &campaign.fields).await?;
        let mut looking = Looking {
            import: self.fresh(tenant, id, 0, Options::default()),
            alternates: campaign.fields.alternate_numbers.clone(),
            reaching: Reaching::new(campaign, said, self.clock.now()),
        };
        let mut intake = Intake::new(options);
        feed(&mut intake, csv, whole);
        let mut found = None;
        let mut asked = Vec::new();
        loop {
            let entry = intake.next_entry()?;
            let (preview, others) = match (&mut found, intake.layout()) {
                (Some(found), _) => found,
                (none @ None, Some(layout)) => none.insert((
                    Preview::new(layout.clone(), whole),
                    OtherNumbers::new(layout),
                )),
                (None, None) => return Err(FileProblem::Empty.into()),
            };
            match entry {
                Entry::Row(row) => {
                    others.see(intake.cells(), None);
                    asked.push(row);
                }
                Entry::Rejected(reject) => {
                    others.see(intake.cells(), Some(reject.reason.kind()));
                    preview.reject(reject);
                }
                Entry::NeedsInput | Entry::End => break,
            }
            if asked.len() == LOOKED_UP_AT_ONCE {
                let rows = std::mem::take(&mut asked);
                Box::pin(self.look_up(&mut looking, rows, preview)).await?;
            }
        }
        let (mut preview, others) = found.ok_or(FileProblem::Empty)?;
        Box::pin(self.look_up(&mut looking, asked, &mut preview)).await?;
        preview.workbook = workbook;
        preview.others = others.found();
        preview.reach = looking.reaching.reach();
        preview.first_rejected.sort_by_key(|reject| reject.row);
        Ok(preview)
    }

    /// Sorts rows by what the campaign and the suppression list say of their numbers.
    async fn look_up(
        &self,
        looking: &mut Looking,
        rows: Vec<Row>,
        preview: &mut Preview,
    ) -> Result<(), Refused> {
        let Looking {
            import,
            alternates,
            reaching,
        } = looking;
        let (tenant, campaign) = (import.tenant_id, import.campaign_id);
        let numbers = |row: &Row| -> Vec<PhoneNumber> {
            let own = std::iter::once(&row.number);
            own.chain(&row.alternates).cloned().collect()
        };
        let all: Vec<PhoneNumber> = rows.iter().flat_map(numbers).collect();
        let ids: Vec<LeadId> = rows
            .iter()
            .map(|row| LeadId::of(campaign, &row.number))
            .collect();
        let (contacts, there) = tokio::try_join!(
            self.contacts.batch_get(tenant, &all),
            self.leads.batch_get(tenant, campaign, &ids),
        )?;
        let listed = listed(contacts);
        for row in rows {
            let column = row.column;
            let suppressed = is_kept_out(&numbers(&row), &listed, alternates);
            let known = there.iter().any(|known| known.lead.number == row.number);
            let reason = if suppressed {
                Some(Reason::Suppressed)
            } else if known {
                Some(Reason::AlreadyInCampaign)
            } else {
                None
            };
            let lead = lead_of(import, row.clone(), self.clock.now());
            match (reason, lead) {
                (None, Ok(lead)) => {
                    reaching.see(&row, &lead);
                    preview.accept(row, lead.lane.zones);
                }
                (Some(reason), _) | (None, Err(reason)) => preview.reject(Reject {
                    row: row.start.row,
                    column: Some(column),
                    reason,
                }),
            }
        }
        Ok(())
    }
}

impl Preview {
    fn new(layout: Layout, whole: bool) -> Self {
        Self {
            layout,
            workbook: None,
            whole,
            rows: 0,
            good: 0,
            rejected: BTreeMap::new(),
            reach: Reach::default(),
            others: Vec::new(),
            first: Vec::new(),
            first_rejected: Vec::new(),
        }
    }

    fn accept(&mut self, row: Row, zones: Vec<String>) {
        self.rows += 1;
        self.good += 1;
        if self.first.len() < PREVIEW_ROWS_MAX {
            self.first.push(PreviewRow {
                number_country: country_of(&row.number),
                row,
                zones,
            });
        }
    }

    fn reject(&mut self, reject: Reject) {
        self.rows += 1;
        *self.rejected.entry(reject.reason.code()).or_default() += 1;
        if self.first_rejected.len() < PREVIEW_ROWS_MAX {
            self.first_rejected.push(reject);
        }
    }
}

/// Whether a whole list can be read to its end.
pub(super) fn check(file: Bytes, options: Options) -> Result<(), FileProblem> {
    let mut intake = Intake::new(options);
    feed(&mut intake, file, true);
    loop {
        match intake.next_entry()? {
            Entry::Row(_) | Entry::Rejected(_) => {}
            Entry::NeedsInput | Entry::End => return Ok(()),
        }
    }
}

/// Whether the beginning of a list is that of one.
pub(super) fn check_beginning(
    head: Bytes,
    whole: bool,
    options: Options,
) -> Result<(), FileProblem> {
    if whole {
        return check(head, options);
    }
    let mut intake = Intake::new(options);
    feed(&mut intake, head, false);
    intake.next_entry().map(|_entry| ())
}

fn feed(intake: &mut Intake, file: Bytes, whole: bool) {
    intake.push(file);
    if whole {
        intake.end();
    }
}
