//! The list of leads from a file into a simulation, and its rejected rows into another file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use forecast::{Entrant, EntrantAlternate, LEADS_MAX, Simulation};
use intake::{Country, Entry, Intake, Layout, Options, Reason, Reject, Row, export};
use jiff::Timestamp;
use model::{
    AlternateNumber, CampaignFields, Contact, PhoneNumber, Suppression, SuppressionReason,
};
use service::lead::imports::{alternates_of, lane_of};
use service::lead::listed::is_kept_out;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Reads the whole list. Rows that are no leads are counted and, if asked for, written.
pub(super) fn read(
    simulation: &mut Simulation,
    path: &Path,
    country: Option<Country>,
    suppressed: &BTreeSet<PhoneNumber>,
    rejects: Option<&Path>,
) -> anyhow::Result<()> {
    let mut list = List::open(path, country)?;
    let mut rejects = match rejects {
        Some(path) => Some(Rejects::create(path)?),
        None => None,
    };
    while let Some(found) = list.next_row()? {
        let lead = found.and_then(|row| {
            let row_number = row.start.row;
            entrant(row, suppressed, simulation.campaign()).map_err(|reason| Reject {
                row: row_number,
                column: None,
                reason,
            })
        });
        let reject = match lead {
            Ok(lead) => {
                if simulation.leads() >= LEADS_MAX {
                    let shown = path.display();
                    bail!("{shown} has more than {LEADS_MAX} leads: split it");
                }
                simulation.add(lead);
                continue;
            }
            Err(reject) => reject,
        };
        simulation.refuse(reject.reason.code());
        if let (Some(rejects), Some(layout)) = (&mut rejects, list.intake.layout()) {
            rejects.write(&reject, layout, list.intake.cells())?;
        }
    }
    match rejects {
        Some(rejects) => rejects.finish(),
        None => Ok(()),
    }
}

/// The numbers of a list; rows without one are passed over.
pub(super) fn numbers(
    path: &Path,
    country: Option<Country>,
) -> anyhow::Result<BTreeSet<PhoneNumber>> {
    let mut list = List::open(path, country)?;
    let mut numbers = BTreeSet::new();
    while let Some(found) = list.next_row()? {
        if let Ok(row) = found {
            numbers.insert(row.number);
            numbers.extend(row.alternates);
        }
    }
    Ok(numbers)
}

/// A CSV while it is read.
struct List<'a> {
    path: &'a Path,
    file: File,
    intake: Intake,
    chunk: Vec<u8>,
}

impl<'a> List<'a> {
    fn open(path: &'a Path, country: Option<Country>) -> anyhow::Result<Self> {
        let shown = path.display();
        Ok(Self {
            path,
            file: File::open(path).with_context(|| format!("reading the list from {shown}"))?,
            intake: Intake::new(Options {
                default_country: country,
                ..Options::default()
            }),
            chunk: vec![0; CHUNK_BYTES],
        })
    }

    /// The next row or why it is none; nothing at the end.
    fn next_row(&mut self) -> anyhow::Result<Option<Result<Row, Reject>>> {
        let shown = self.path.display();
        loop {
            let entry = self.intake.next_entry();
            match entry.map_err(|problem| anyhow!("{shown}: {problem}"))? {
                Entry::Row(row) => return Ok(Some(Ok(row))),
                Entry::Rejected(reject) => return Ok(Some(Err(reject))),
                Entry::End => return Ok(None),
                Entry::NeedsInput => {
                    let read = self.file.read(&mut self.chunk);
                    let read = read.with_context(|| format!("reading the list from {shown}"))?;
                    if read == 0 {
                        self.intake.end();
                    } else {
                        let bytes = self.chunk.get(..read).unwrap_or_default();
                        self.intake.push(bytes.to_vec().into());
                    }
                }
            }
        }
    }
}

/// The row as a lead, with the lanes that an import would give it.
fn entrant(
    row: Row,
    suppressed: &BTreeSet<PhoneNumber>,
    campaign: &CampaignFields,
) -> Result<Entrant, Reason> {
    let lane = lane_of(&row)?;
    let alternates = alternates_of(&row)?;
    let numbers = || std::iter::once(&row.number).chain(&row.alternates);
    let listed = numbers().filter(|number| suppressed.contains(*number));
    let listed = listed.map(|number| (number.clone(), SuppressionReason::Upload));
    if is_kept_out(numbers(), &listed.collect(), &campaign.alternate_numbers) {
        return Err(Reason::Suppressed);
    }
    let contact = |number: &PhoneNumber| suppressed.contains(number).then(on_the_list);
    let mut entrant = Entrant::new(row.number, lane);
    entrant.contact = contact(&entrant.number);
    entrant.alternates = alternates
        .into_iter()
        .map(|AlternateNumber { number, lane }| EntrantAlternate {
            contact: contact(&number),
            number,
            lane,
        })
        .collect();
    entrant.priority = row.priority;
    entrant.consent = row.consent;
    Ok(entrant)
}

/// What is known of a number that must not be called.
fn on_the_list() -> Contact {
    Contact {
        suppression: Some(Suppression {
            reason: SuppressionReason::Upload,
            at: Timestamp::UNIX_EPOCH,
            note: None,
            call_id: None,
        }),
        ..Contact::default()
    }
}

/// The rejected rows as they were, with row number and reason in front.
struct Rejects<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    headed: bool,
}

impl<'a> Rejects<'a> {
    fn create(path: &'a Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
            headed: false,
        })
    }

    fn write<'b>(
        &mut self,
        reject: &Reject,
        layout: &'b Layout,
        cells: impl Iterator<Item = &'b str>,
    ) -> anyhow::Result<()> {
        let mut text = String::new();
        if !self.headed {
            self.headed = true;
            let headers = layout.columns.iter().map(|column| column.header.as_str());
            export::record(
                &mut text,
                ["row", "reason", "explanation"].into_iter().chain(headers),
            );
        }
        let row = reject.row.to_string();
        let sentence = reject.sentence(layout);
        let mut record = vec![row.as_str(), reject.reason.code(), sentence.as_str()];
        for cell in cells {
            record.push(cell);
        }
        export::record(&mut text, record);
        self.put(&text)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        if !self.headed {
            self.put("row,reason,explanation\r\n")?;
        }
        self.file
            .flush()
            .with_context(|| format!("writing {}", self.path.display()))
    }

    fn put(&mut self, text: &str) -> anyhow::Result<()> {
        self.file
            .write_all(text.as_bytes())
            .with_context(|| format!("writing {}", self.path.display()))
    }
}
