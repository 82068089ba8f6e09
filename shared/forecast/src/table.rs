//! A forecast for people: a table for the terminal.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::report::{Basis, Forecast, Hour};

/// Width of a bar of the chart, in characters.
const BAR_WIDTH: u64 = 40;
/// Days that the chart shows; of a longer run the first.
const CHART_DAYS_MAX: usize = 62;

/// Shows a forecast as text.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a>(pub &'a Forecast);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forecast = self.0;
        head(f, forecast)?;
        let leads = &forecast.leads;
        writeln!(f, "\nLeads {:>29}", grouped(leads.total))?;
        for (result, count) in &leads.done {
            share(f, result.code(), *count, leads.total)?;
        }
        share(f, "still waiting", leads.waiting, leads.total)?;
        for (reason, count) in &leads.refused {
            share(f, &format!("refused: {reason}"), *count, leads.total)?;
        }
        writeln!(f, "\nCalled at least once {:>14}", grouped(leads.called))?;
        for (reason, count) in &forecast.skipped {
            share(f, &format!("never: {reason}"), *count, leads.total)?;
        }
        let calls = &forecast.calls;
        writeln!(f, "\nCalls {:>29}", grouped(calls.total))?;
        for (outcome, count) in &calls.by_outcome {
            share(f, outcome.code(), *count, calls.total)?;
        }
        for (rule, count) in &forecast.turned_back {
            share(
                f,
                &format!("turned back: {}", rule.code()),
                *count,
                calls.total,
            )?;
        }
        chart(f, &forecast.hours)?;
        writeln!(f)?;
        for assumption in &forecast.assumptions {
            writeln!(f, "Assumed: {assumption}")?;
        }
        Ok(())
    }
}

fn head(f: &mut fmt::Formatter<'_>, forecast: &Forecast) -> fmt::Result {
    let finish = &forecast.finish;
    let by = |at: Option<Timestamp>| at.map_or_else(|| "not in this time".to_owned(), minute);
    let mut line = |name: &str, value: String| writeln!(f, "{name:<18} {value}");
    line(
        "Simulated",
        format!(
            "{} to {}, seed {}",
            minute(forecast.from),
            minute(forecast.until),
            forecast.seed
        ),
    )?;
    if let Some(sample) = forecast.sample {
        let (simulated, of) = (grouped(sample.simulated), grouped(sample.of));
        line("Sample", format!("{simulated} of {of} leads, scaled up"))?;
    }
    let basis = match forecast.basis {
        Basis::Assumptions => "documented defaults (assumptions)".to_owned(),
        Basis::ByHand => "set by hand".to_owned(),
        Basis::History { calls } => format!("{} calls of the past", grouped(u64::from(calls))),
    };
    line("Outcomes from", basis)?;
    line("Expected finish", by(finish.expected_at))?;
    line(
        "Half, nine tenths",
        format!("{}, {}", by(finish.half_at), by(finish.nine_tenths_at)),
    )?;
    let per_hour = &forecast.calls_per_hour;
    let when =
        |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(" ({})", minute(at)));
    line(
        "Calls per hour",
        format!(
            "{} on average over {} hours with calls, {} at most{}",
            grouped(per_hour.mean),
            per_hour.active_hours,
            grouped(per_hour.peak),
            when(per_hour.peak_at)
        ),
    )?;
    let concurrency = &forecast.concurrency;
    line(
        "Calls at once",
        format!(
            "{} at most, of {}{}",
            grouped(concurrency.peak),
            grouped(concurrency.limit),
            when(concurrency.peak_at)
        ),
    )?;
    line(
        "Our numbers",
        match forecast.our_numbers.given {
            Some(given) => format!(
                "{} needed, {} given",
                grouped(forecast.our_numbers.needed),
                grouped(given)
            ),
            None => format!("{} needed", grouped(forecast.our_numbers.needed)),
        },
    )?;
    let cost = &forecast.cost;
    line(
        "Cost",
        format!(
            "{} to {} {} (prices: {}, {})",
            money(cost.low_micros),
            money(cost.high_micros),
            cost.currency,
            forecast.prices.source,
            forecast.prices.as_of
        ),
    )
}

fn chart(f: &mut fmt::Formatter<'_>, hours: &[Hour]) -> fmt::Result {
    let mut days: BTreeMap<Date, (u64, u64)> = BTreeMap::new();
    for hour in hours {
        let day = hour.start.to_zoned(TimeZone::UTC).date();
        let (dials, done) = days.entry(day).or_default();
        *dials += hour.dials;
        *done = hour.done;
    }
    let most = days
        .values()
        .map(|(dials, _done)| *dials)
        .max()
        .unwrap_or(0);
    if most == 0 {
        return Ok(());
    }
    writeln!(f, "\nDay (UTC)        calls   leads done")?;
    for (day, (dials, done)) in days.iter().take(CHART_DAYS_MAX) {
        let width = (dials * BAR_WIDTH).div_ceil(most);
        let bar: String = (0..width).map(|_| '#').collect();
        let (dials, done) = (grouped(*dials), grouped(*done));
        let line = format!("{day} {dials:>11} {done:>12}  {bar}");
        writeln!(f, "{}", line.trim_end())?;
    }
    if let Some(more) = days
        .len()
        .checked_sub(CHART_DAYS_MAX)
        .filter(|more| *more > 0)
    {
        writeln!(f, "and {more} more days")?;
    }
    Ok(())
}

fn share(f: &mut fmt::Formatter<'_>, name: &str, count: u64, of: u64) -> fmt::Result {
    let per_mille = (count * 1_000).checked_div(of).unwrap_or(0);
    let (whole, tenth) = (per_mille / 10, per_mille % 10);
    writeln!(
        f,
        "  {name:<24} {:>8}  {whole:>3}.{tenth} %",
        grouped(count)
    )
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Micro-units to whole units and hundredths.
fn money(micros: u64) -> String {
    let hundredths = micros.div_ceil(10_000);
    format!("{}.{:02}", grouped(hundredths / 100), hundredths % 100)
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_in_groups_of_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(money(1_234_560_001), "1,234.57");
    }
}
