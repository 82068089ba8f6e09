//! How long two weeks of a campaign take on virtual time, on one core.

use std::time::{Duration, Instant};

use forecast::{Basis, Entrant, Limits, OutcomeModel, Prices, Setup, Simulation};
use model::PhoneNumber;

use super::{Table, people, per_second, seconds, thousands};
use crate::machine::Usage;

const FROM: &str = "2026-03-01T00:00:00Z";
const DAYS: u32 = 14;
const SEED: u64 = 7;
/// Calls a second at the carrier's account, and lines: as an account begins, and as a large one has it.
const ACCOUNTS: [(u32, u32); 2] = [(1, 100), (10, 1_000)];

/// What a run came to.
struct Run {
    took: Duration,
    cpu: Duration,
    dials: u64,
    finish: String,
}

/// One column for each kind of account.
pub(super) fn measure(leads: u64) -> anyhow::Result<Table> {
    let areas = people::areas();
    let list = (0..leads).map(|n| {
        let many = u64::try_from(areas.len())?;
        let area = areas.get(usize::try_from(n % many)?);
        let area = area.ok_or_else(|| anyhow::anyhow!("no area"))?;
        Ok((area.number(n / many)?, area.lane.clone()))
    });
    let list: Vec<(PhoneNumber, model::Lane)> = list.collect::<anyhow::Result<_>>()?;
    let runs = ACCOUNTS.map(|account| run(&list, account));
    let runs: Vec<Run> = runs.into_iter().collect::<anyhow::Result<_>>()?;
    let mut table = Table::new(format!(
        "Simulation of {} leads in {} area codes over {DAYS} days, one thread",
        thousands(leads),
        areas.len()
    ));
    let accounts = ACCOUNTS.map(|(rate, lines)| format!("{rate}, {lines}"));
    table.row("calls a second, lines", accounts);
    let mut row = |name: &str, cell: &dyn Fn(&Run) -> String| {
        table.row(name, runs.iter().map(cell));
    };
    row("seconds", &|run| seconds(run.took));
    row("  of CPU", &|run| seconds(run.cpu));
    row("leads/s", &|run| per_second(leads, run.took));
    row("dials", &|run| thousands(run.dials));
    row("dials/s", &|run| per_second(run.dials, run.took));
    row("expected finish", &|run| run.finish.clone());
    Ok(table)
}

fn run(list: &[(PhoneNumber, model::Lane)], (rate, lines): (u32, u32)) -> anyhow::Result<Run> {
    let mut campaign = support::campaign_fields("Bench");
    campaign.max_concurrent_calls = lines;
    let setup = Setup {
        campaign_id: Setup::nobodys_campaign(),
        campaign,
        last_started_at: None,
        from: FROM.parse()?,
        days: DAYS,
        seed: SEED,
        model: OutcomeModel::default(),
        basis: Basis::Assumptions,
        prices: Prices::default(),
        limits: Limits {
            carrier_calls_max: lines,
            tenant_calls_max: lines,
            call_interval: Duration::from_secs(1) / rate,
        },
        numbers: Vec::new(),
        sample: None,
    };
    let mut simulation = Simulation::new(setup)
        .map_err(|problems| anyhow::anyhow!("it cannot be simulated: {problems:?}"))?;
    let pid = std::process::id();
    let (cpu, from) = (Usage::of(pid)?.cpu, Instant::now());
    for (number, lane) in list {
        simulation.add(Entrant::new(number.clone(), lane.clone()));
    }
    let mut dials = 0;
    while simulation.next_dial().is_some() {
        dials += 1;
    }
    let forecast = simulation.forecast();
    Ok(Run {
        took: from.elapsed(),
        cpu: Usage::of(pid)?.cpu.saturating_sub(cpu),
        dials,
        finish: finish(&forecast),
    })
}

fn finish(forecast: &forecast::Forecast) -> String {
    match forecast.finish.expected_at {
        Some(at) => at.strftime("%m-%d %H:%M UTC").to_string(),
        None => "later".to_owned(),
    }
}
