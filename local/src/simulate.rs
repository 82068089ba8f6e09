//! `trunkline simulate`: a list and a campaign from files, through the time machine, to a forecast.
//!
//! Reads and writes files and nothing else: no engine, port or key. What it decides with is in
//! `forecast` and `dialer`; the limits are those of the settings, as the real run has them.

mod list;
mod progress;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use forecast::{Basis, Dial, Limits, OutcomeModel, Prices, Setup, Simulation, Table};
use intake::{Country, Options};
use model::{CampaignFields, FieldProblem};
use serde::de::DeserializeOwned;
use service::context::fields::{self, Known};
use settings::Settings;

use crate::cli::Simulate;
use progress::Progress;

/// A campaign or model file that is longer is none: the longest body that the API takes.
const JSON_BYTES_MAX: u64 = 512 * 1024;

/// Runs the simulation and prints the forecast.
///
/// # Errors
/// When a file cannot be read or written, or what is in it cannot be used. Nothing is printed then.
pub(crate) fn run(arguments: &Simulate) -> anyhow::Result<ExitCode> {
    let settings = Settings::from_environment()?;
    nothing_is_overwritten(arguments)?;
    let setup = setup(arguments, &settings)?;
    let country = country(arguments)?;
    let mut simulation = Simulation::new(setup).map_err(|problems| listed(&problems))?;
    let suppressed = match &arguments.suppressed {
        Some(path) => list::numbers(path, country)?,
        None => BTreeSet::new(),
    };
    let rejects = arguments.rejects.as_deref();
    list::read(
        &mut simulation,
        &arguments.leads,
        Options {
            default_country: country,
            sheet: arguments.sheet.clone(),
            ..Options::default()
        },
        &suppressed,
        rejects,
    )?;
    let mut dials = match &arguments.dials {
        Some(path) => Some(Dials::create(path)?),
        None => None,
    };
    let mut progress = Progress::on_terminal();
    while let Some(dial) = simulation.next_dial() {
        if let Some(dials) = &mut dials {
            dials.write(&dial)?;
        }
        progress.show(dial.at, simulation.per_mille_done());
    }
    progress.clear();
    if let Some(dials) = dials {
        dials.finish()?;
    }
    let forecast = simulation.forecast();
    let text = if arguments.json {
        serde_json::to_string_pretty(&forecast).context("writing the forecast")? + "\n"
    } else {
        Table(&forecast).to_string()
    };
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever read our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result.context("printing the forecast")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Files that are written must not be files that are read, nor each other.
fn nothing_is_overwritten(arguments: &Simulate) -> anyhow::Result<()> {
    let inputs = [
        Some(&arguments.leads),
        Some(&arguments.campaign),
        arguments.model.as_ref(),
        arguments.prices.as_ref(),
        arguments.suppressed.as_ref(),
    ];
    let outputs = [&arguments.dials, &arguments.rejects];
    let mut taken: Vec<PathBuf> = inputs
        .into_iter()
        .flatten()
        .map(|path| whole_path(path))
        .collect();
    for output in outputs.into_iter().flatten() {
        let path = whole_path(output);
        if taken.contains(&path) {
            bail!(
                "{} would be overwritten: it is also another file of this simulation",
                output.display()
            );
        }
        taken.push(path);
    }
    Ok(())
}

/// The path without links and dots; of a file that is not there yet, by its folder.
fn whole_path(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        (Ok(_) | Err(_), _) => path.to_owned(),
    }
}

fn setup(arguments: &Simulate, settings: &Settings) -> anyhow::Result<Setup> {
    let campaign: CampaignFields = json(&arguments.campaign, "the campaign")?;
    let from = arguments.from.or(campaign.starts_at).ok_or_else(|| {
        anyhow!("say when the campaign starts: --from 2026-03-01T00:00:00Z, or `starts_at` in the campaign")
    })?;
    let (model, basis) = match &arguments.model {
        Some(path) => (json(path, "the outcome model")?, Basis::ByHand),
        None => (OutcomeModel::default(), Basis::Assumptions),
    };
    let prices = match &arguments.prices {
        Some(path) => json(path, "the prices")?,
        None => Prices::default(),
    };
    Ok(Setup {
        campaign_id: Setup::nobodys_campaign(),
        campaign,
        last_started_at: None,
        from,
        days: arguments.days,
        seed: arguments.seed,
        model,
        basis,
        prices,
        limits: Limits {
            carrier_calls_max: settings.dialing.carrier_calls_max,
            tenant_calls_max: settings.dialing.tenant_calls_max,
            call_interval: settings.dialing.call_interval,
        },
        numbers: Vec::new(),
        sample: None,
    })
}

fn country(arguments: &Simulate) -> anyhow::Result<Option<Country>> {
    let Some(text) = &arguments.country else {
        return Ok(None);
    };
    let country = text
        .parse()
        .map_err(|problem| anyhow!("--country: {problem}"))?;
    Ok(Some(country))
}

/// Reads a JSON file; a problem names the field.
fn json<T: DeserializeOwned>(path: &Path, what: &str) -> anyhow::Result<T> {
    let shown = path.display();
    let length = std::fs::metadata(path)
        .with_context(|| format!("reading {what} from {shown}"))?
        .len();
    if length > JSON_BYTES_MAX {
        bail!("{shown} has {length} bytes, and {what} has at most {JSON_BYTES_MAX}");
    }
    let bytes = std::fs::read(path).with_context(|| format!("reading {what} from {shown}"))?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let read: Known<T> = fields::read(&mut reader).map_err(|problem| {
        let field = problem.path().to_string();
        let problem = problem.into_inner();
        if field == "." {
            anyhow!("{shown} is not {what}: {problem}")
        } else {
            anyhow!("{shown} is not {what}: `{field}`: {problem}")
        }
    })?;
    reader
        .end()
        .with_context(|| format!("{shown} goes on after {what}"))?;
    if let Some(unknown) = read.unknown.first() {
        bail!("{shown} is not {what}: `{unknown}` is not known");
    }
    Ok(read.value)
}

/// Problems with fields, one a line.
fn listed(problems: &[FieldProblem]) -> anyhow::Error {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("  `{}` {}", problem.at, problem.says))
        .collect();
    anyhow!("this cannot be simulated:\n{}", lines.join("\n"))
}

/// `dials.csv` while it is written.
struct Dials<'a> {
    path: &'a Path,
    file: BufWriter<File>,
}

impl<'a> Dials<'a> {
    fn create(path: &'a Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        let mut dials = Self {
            path,
            file: BufWriter::new(file),
        };
        dials.line(&Dial::HEADER)?;
        Ok(dials)
    }

    fn write(&mut self, dial: &Dial<'_>) -> anyhow::Result<()> {
        self.line(dial)
    }

    fn line(&mut self, line: &dyn std::fmt::Display) -> anyhow::Result<()> {
        writeln!(self.file, "{line}").with_context(|| format!("writing {}", self.path.display()))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.file
            .flush()
            .with_context(|| format!("writing {}", self.path.display()))
    }
}
