//! The numbers of campaigns: how fast a list becomes leads, how fast two weeks are simulated, what a
//! planning step reads, and how soon a free line is used again.
//!
//! Everything runs in this process and on loopback. What is charged is asked of the table with each
//! request; what is due, open and called is the same in each run, so that reads repeat exactly and only
//! times differ.

mod line;
mod people;
mod planner;
mod simulation;

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::imports;
use crate::machine::Machine;
use crate::report::{progress, say};

/// Bounds of what may be asked for.
const WAITING_MAX: u64 = 2_000_000;
const SIZES_MAX: usize = 5;
const CALLS_MAX: u32 = 500;

/// What is measured.
#[derive(Debug, Clone, Args)]
pub(crate) struct CampaignOptions {
    /// A short run: is everything in place, and roughly how good?
    #[arg(long)]
    quick: bool,
    /// Only these, in their order here.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Rows of the list that is imported into the embedded engines.
    #[arg(long)]
    rows: Option<u64>,
    /// Leads that are simulated.
    #[arg(long)]
    simulated: Option<u64>,
    /// Leads that wait while steps are planned: the numbers to compare, rising.
    #[arg(long, value_delimiter = ',')]
    waiting: Vec<u64>,
    /// Calls of the campaign with one line.
    #[arg(long)]
    calls: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Import,
    Simulation,
    Planner,
    Line,
}

/// A table: what its columns are, and its rows.
#[derive(Debug)]
struct Table {
    title: String,
    rows: Vec<(String, Vec<String>)>,
}

/// Measures what the options ask for and prints a table of each.
pub(crate) fn run(options: &CampaignOptions) -> anyhow::Result<()> {
    let (rows, simulated, waiting, calls) = if options.quick {
        (20_000, 10_000, vec![10_000, 40_000], 6)
    } else {
        (100_000, 100_000, vec![10_000, 1_000_000], 30)
    };
    let rows = options.rows.unwrap_or(rows);
    let simulated = options.simulated.unwrap_or(simulated);
    let waiting = match options.waiting.as_slice() {
        [] => waiting,
        asked => asked.to_vec(),
    };
    let calls = options.calls.unwrap_or(calls);
    anyhow::ensure!(
        waiting.len() <= SIZES_MAX
            && waiting.is_sorted()
            && waiting
                .iter()
                .all(|leads| (1_000..=WAITING_MAX).contains(leads)),
        "at most {SIZES_MAX} rising numbers from 1,000 to {WAITING_MAX} leads"
    );
    anyhow::ensure!(
        (1..=WAITING_MAX).contains(&rows) && (1..=WAITING_MAX).contains(&simulated),
        "1 to {WAITING_MAX} rows and leads"
    );
    anyhow::ensure!((2..=CALLS_MAX).contains(&calls), "2 to {CALLS_MAX} calls");
    let machine = Machine::read();
    say(&format!("\nmachine  {}", machine.in_words()));
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let runtime = crate::runtime()?;
    if wanted(Part::Import) {
        progress(&format!("{rows} rows into the embedded engines …"));
        let imported = runtime.block_on(imports::embedded(rows))?;
        say(&format!("{imported}"));
    }
    if wanted(Part::Simulation) {
        progress(&format!("{simulated} leads over two weeks …"));
        say(&simulation::measure(simulated)?.text()?);
    }
    if wanted(Part::Planner) {
        say(&runtime.block_on(planner::measure(&waiting))?.text()?);
    }
    if wanted(Part::Line) {
        progress(&format!("{calls} calls, one after the other …"));
        say(&runtime.block_on(line::measure(calls))?.text()?);
    }
    Ok(())
}

impl Table {
    fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
        }
    }

    fn row(&mut self, name: impl Into<String>, cells: impl IntoIterator<Item = String>) {
        self.rows.push((name.into(), cells.into_iter().collect()));
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = format!("\n{}\n", self.title);
        for (name, cells) in &self.rows {
            write!(text, "{name:<36}")?;
            for cell in cells {
                write!(text, "{cell:>18}")?;
            }
            writeln!(text)?;
        }
        Ok(text)
    }
}

/// With a comma between thousands.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn seconds(took: Duration) -> String {
    format!("{:.2}", took.as_secs_f64())
}

fn per_second(count: u64, took: Duration) -> String {
    let rate = u128::from(count) * 1_000_000 / took.as_micros().max(1);
    thousands(u64::try_from(rate).unwrap_or(u64::MAX))
}
