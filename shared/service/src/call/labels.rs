//! Labels: a user says what picked up a call, and detection is measured by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use model::{Amd, AnsweredBy, ApiKeyId, CallId, CampaignId, TenantId};
use serde::Deserialize;
use store::{Label, Labels as LabelRows};

use crate::{Clock, Fault, Refused};

/// Labels that a matrix is made of: the oldest of a campaign. Far more than anybody gives by hand.
const LABELS_MAX: usize = 20_000;

/// What a label can say: who can tell, tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LabelClass {
    Human,
    Machine,
    Fax,
    Screening,
}

impl LabelClass {
    const ALL: [Self; 4] = [Self::Human, Self::Machine, Self::Fax, Self::Screening];
}

impl From<LabelClass> for AnsweredBy {
    fn from(class: LabelClass) -> Self {
        match class {
            LabelClass::Human => Self::Human,
            LabelClass::Machine => Self::Machine,
            LabelClass::Fax => Self::Fax,
            LabelClass::Screening => Self::Screening,
        }
    }
}

/// A label that a user gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labelled {
    pub call_id: CallId,
    pub answered_by: AnsweredBy,
    /// What detection had said when the label was given.
    pub verdict: AnsweredBy,
    pub at: Timestamp,
}

/// Detection against labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub labelled: u64,
    /// How often each verdict met each label.
    pub cells: BTreeMap<(AnsweredBy, AnsweredBy), u64>,
    pub classes: Vec<Class>,
    /// What the campaign has the carrier detect now.
    pub amd: Amd,
    /// More labels than were counted.
    pub truncated: bool,
}

/// How well one class is detected.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    pub class: AnsweredBy,
    pub labelled: u64,
    pub detected: u64,
    pub right: u64,
    /// Of those that detection said are of the class, the share that are; absent: it said so of none.
    pub precision: Option<f64>,
    /// Of those that are of the class, the share that detection said are; absent: there are none.
    pub recall: Option<f64>,
}

/// The use cases of labels.
#[derive(Debug, Clone)]
pub struct Labels {
    calls: store::Calls,
    campaigns: store::Campaigns,
    clock: Arc<dyn Clock>,
    labels: LabelRows,
}

impl Labels {
    #[must_use]
    pub fn new(store: &store::Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            calls: store.calls.clone(),
            campaigns: store.campaigns.clone(),
            clock,
            labels: store.labels.clone(),
        }
    }

    /// Says what picked up a call; a later word replaces an earlier one.
    ///
    /// # Errors
    /// See [`Refused`]; a call that nothing picked up has nothing to label.
    pub async fn label(
        &self,
        tenant: TenantId,
        call: CallId,
        answered_by: LabelClass,
        by: ApiKeyId,
    ) -> Result<Labelled, Refused> {
        let row = self.calls.get(tenant, call).await?;
        let call = row.ok_or(Refused::NotFound)?.call;
        let answered_by = AnsweredBy::from(answered_by);
        let verdict = call.answered_by();
        if call.answered_at.is_none() && verdict == AnsweredBy::Unknown {
            return Err(Refused::field(
                "/answered_by",
                Fault::Conflict,
                "cannot be said of a call that nobody and nothing picked up",
            ));
        }
        let label = Label {
            call_id: call.id,
            campaign_id: call.campaign_id,
            answered_by: answered_by.code().to_owned(),
            verdict: verdict.code().to_owned(),
            at: self.clock.now(),
            by,
        };
        self.labels.put(tenant, &label).await?;
        Ok(Labelled {
            call_id: call.id,
            answered_by,
            verdict,
            at: label.at,
        })
    }

    /// A call's label.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(&self, tenant: TenantId, call: CallId) -> Result<Option<Labelled>, Refused> {
        let label = self.labels.get(tenant, call).await?;
        Ok(label.and_then(|label| Labelled::of(&label)))
    }

    /// How well a campaign's detection did, by the labels of its calls.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn matrix(&self, tenant: TenantId, campaign: CampaignId) -> Result<Matrix, Refused> {
        let found = self.campaigns.get(tenant, campaign).await?;
        let amd = found.ok_or(Refused::NotFound)?.fields.amd;
        let labels = self
            .labels
            .of_campaign(tenant, campaign, LABELS_MAX + 1)
            .await?;
        let truncated = labels.len() > LABELS_MAX;
        let labels = labels.iter().take(LABELS_MAX);
        let labelled = labels.filter_map(Labelled::of);
        let pairs = labelled.map(|label| (label.verdict, label.answered_by));
        Ok(matrix(pairs, amd, truncated))
    }
}

impl Labelled {
    /// `None`: a word that is no class.
    fn of(label: &Label) -> Option<Self> {
        Some(Self {
            call_id: label.call_id,
            answered_by: AnsweredBy::of(&label.answered_by)?,
            verdict: AnsweredBy::of(&label.verdict).unwrap_or_default(),
            at: label.at,
        })
    }
}

fn matrix(
    pairs: impl Iterator<Item = (AnsweredBy, AnsweredBy)>,
    amd: Amd,
    truncated: bool,
) -> Matrix {
    let mut cells: BTreeMap<(AnsweredBy, AnsweredBy), u64> = BTreeMap::new();
    let mut labelled = 0_u64;
    for pair in pairs {
        *cells.entry(pair).or_default() += 1;
        labelled += 1;
    }
    let count = |is: &dyn Fn(AnsweredBy, AnsweredBy) -> bool| -> u64 {
        cells
            .iter()
            .filter(|((verdict, label), _count)| is(*verdict, *label))
            .map(|(_pair, count)| *count)
            .sum()
    };
    let classes = LabelClass::ALL.map(|class| {
        let class = AnsweredBy::from(class);
        let labelled = count(&|_verdict, label| label == class);
        let detected = count(&|verdict, _label| verdict == class);
        let right = count(&|verdict, label| verdict == class && label == class);
        Class {
            class,
            labelled,
            detected,
            right,
            precision: share(right, detected),
            recall: share(right, labelled),
        }
    });
    Matrix {
        labelled,
        cells,
        classes: classes.into(),
        amd,
        truncated,
    }
}

/// In thousandths, so that the same counts always read the same.
fn share(part: u64, whole: u64) -> Option<f64> {
    let thousandths = part.saturating_mul(1_000).checked_div(whole)?;
    Some(f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_and_recall_are_of_the_class() {
        let pairs = [
            (AnsweredBy::Human, AnsweredBy::Human),
            (AnsweredBy::Human, AnsweredBy::Human),
            (AnsweredBy::Human, AnsweredBy::Machine),
            (AnsweredBy::Machine, AnsweredBy::Machine),
            (AnsweredBy::Unknown, AnsweredBy::Machine),
            (AnsweredBy::Machine, AnsweredBy::Screening),
        ];
        let matrix = matrix(pairs.into_iter(), Amd::default(), false);
        let said: Vec<_> = matrix
            .classes
            .iter()
            .map(|class| (class.class.code(), class.precision, class.recall))
            .collect();
        assert_eq!(matrix.labelled, 6);
        assert_eq!(
            said,
            [
                ("human", Some(0.666), Some(1.0)),
                ("machine", Some(0.5), Some(0.333)),
                ("fax", None, None),
                ("screening", None, Some(0.0)),
            ]
        );
    }
}
