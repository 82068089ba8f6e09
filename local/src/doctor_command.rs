//! `trunkline doctor`: looks at an installation from outside and prints what it found.
//!
//! What is looked at and what mends it is in `doctor`; here is how a report looks on a terminal.

use std::process::ExitCode;

use anyhow::Context as _;
use doctor::{Check, CheckState, Report};

use crate::cli::{Doctor, Fix};
use crate::demo::scene::say;
use crate::installation::Found;

/// Looks, prints, and tells by its status whether something is wrong.
///
/// # Errors
/// When the state folder cannot be read or used.
pub(crate) fn run(arguments: &Doctor) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(Box::pin(examine(arguments)))
}

async fn examine(arguments: &Doctor) -> anyhow::Result<ExitCode> {
    let found = Found::here().await?;
    let doctor = doctor::Doctor::new(found.installation);
    let fixed = match arguments.fix {
        Some(Fix::Numbers) => Some(Box::pin(doctor.fix_numbers(None)).await),
        None => None,
    };
    let report = Box::pin(doctor.examine(None)).await;
    if let Some(engines) = found.engines {
        engines
            .stop()
            .await
            .context("stopping the embedded engines")?;
    }
    let failed = |check: &Check| check.state == CheckState::Failed;
    let not_fixed = fixed.iter().flatten().any(failed);
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).context("writing the report")?;
        say(&json);
    } else {
        if let Some(fixed) = &fixed {
            say(&told_of_fixing(fixed));
        }
        say(&told(&found.about, &report, arguments.verbose));
    }
    Ok(if report.state == CheckState::Failed || not_fixed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn told_of_fixing(fixed: &[Check]) -> String {
    if fixed.is_empty() {
        return "numbers: nothing to mend\n".to_owned();
    }
    let lines = fixed.iter().map(|check| {
        let mend = check.mend.as_ref();
        let mend = mend.map(|mend| format!("\n  $ {mend}")).unwrap_or_default();
        format!("numbers: {}: {}{mend}\n", check.name, check.found)
    });
    lines.collect()
}

/// A report as a person reads it: a line for each check, and below those that need it what mends them.
fn told(about: &str, report: &Report, verbose: bool) -> String {
    let mut told = format!("Trunkline doctor: {about}\n\n");
    let width = |of: fn(&Check) -> &str| {
        let widths = report.checks.iter().map(|check| of(check).chars().count());
        widths.max().unwrap_or_default()
    };
    let groups = width(|check| check.group.as_str());
    let names = width(|check| &check.name);
    let mut group = None;
    for check in &report.checks {
        let heading = if group == Some(check.group) {
            ""
        } else {
            check.group.as_str()
        };
        group = Some(check.group);
        let state = match check.state {
            CheckState::Ok => "ok",
            CheckState::Skipped => "-",
            CheckState::Warning => "warning",
            CheckState::Failed => "FAILED",
        };
        line(
            &mut told,
            format_args!(
                "{heading:groups$}  {state:7}  {:names$}  {}",
                check.name, check.found
            ),
        );
        let indent = groups + 2 + 7 + 2;
        if verbose {
            for detail in &check.details {
                line(&mut told, format_args!("{:indent$}{detail}", ""));
            }
        }
        if let Some(mend) = &check.mend {
            line(&mut told, format_args!("{:indent$}$ {mend}", ""));
        }
    }
    let counts = [
        (CheckState::Failed, "failed"),
        (CheckState::Warning, "to look at"),
        (CheckState::Ok, "ok"),
        (CheckState::Skipped, "not looked at (-)"),
    ];
    let counts = counts.map(|(state, words)| (report.count(state), words));
    let counts = counts.iter().filter(|(number, _words)| *number > 0);
    let counts: Vec<String> = counts
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    let seconds = report.elapsed.as_secs_f64();
    line(
        &mut told,
        format_args!("\n{}, in {seconds:.1} s", counts.join(", ")),
    );
    told.truncate(told.trim_end().len());
    told
}

fn line(told: &mut String, line: std::fmt::Arguments<'_>) {
    told.push_str(line.to_string().trim_end());
    told.push('\n');
}
