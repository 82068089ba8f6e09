//! Whether the carrier can reach us, as far as that can be seen from here, and whether our clock is right.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use providers::vendors::Vendor;
use reqwest::header::DATE;
use reqwest::redirect;
use service::Clock;
use settings::Proxies;
use store::{WorkerRow, WorkerState};
use tokio::time::Instant;
use url::{Host, Url};

use crate::check::REQUEST_TIME_MAX;
use crate::mend::ask;
use crate::{Check, Finding, Group, Here, Place, check};

/// How far our clock may be off. AWS refuses signatures that are five minutes off; calls are allowed by
/// this clock too, so that a wrong one calls people before the law's hours begin.
pub const CLOCK_OFF_MAX: SignedDuration = SignedDuration::from_secs(30);
/// The longest answer of a health page that is read.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

pub(crate) async fn examine(here: &Here<'_>) -> Vec<Check> {
    let client = reqwest::Client::builder()
        .timeout(REQUEST_TIME_MAX)
        .redirect(redirect::Policy::none());
    // Only settings say where requests go, and by way of whom.
    let client = providers::through(client, &here.settings().proxies);
    let client = match client.build() {
        Ok(client) => client,
        Err(_no_tls) => {
            let base = here.settings().carrier.base_url.as_str();
            let finding = Finding::failed("nothing can be asked from this machine", ask(base));
            return vec![finding.named(Group::Network, "all", Duration::ZERO)];
        }
    };
    let public = &here.settings().public;
    let (clock, webhooks, media, workers) = tokio::join!(
        clock(here, &client),
        reach(
            here,
            &client,
            "webhooks",
            "PUBLIC_URL",
            public.public_url.clone()
        ),
        reach(
            here,
            &client,
            "media",
            "MEDIA_URL",
            public
                .media_url
                .clone()
                .or_else(|| public.public_url.clone())
        ),
        workers(here),
    );
    vec![clock, webhooks, media, workers]
}

/// What the media workers say of themselves: they may see otherwise than this machine.
async fn workers(here: &Here<'_>) -> Check {
    let mend = here.mender().set("MEDIA_URL");
    let look = async {
        let Some(store) = here.store() else {
            return Finding::skipped("Trunkline does not run here");
        };
        let now = here.doctor.installation.clock.now();
        let asked = tokio::time::timeout(REQUEST_TIME_MAX, store.workers.at(now));
        match asked.await {
            Ok(Ok(workers)) => judge_workers(&workers, here.mender().set("MEDIA_URL")),
            // It is told of there.
            Ok(Err(_)) | Err(_) => Finding::skipped("see table in storage"),
        }
    };
    check(Group::Network, "workers", mend, look).await
}

fn judge_workers(workers: &[WorkerRow], mend: String) -> Finding {
    let why = |worker: &WorkerRow| worker.unreached.clone();
    let unreached: Vec<String> = workers.iter().filter_map(why).collect();
    let Some(first) = unreached.first() else {
        let ready = workers
            .iter()
            .filter(|worker| worker.state == WorkerState::Ready);
        return match ready.count() {
            0 => Finding::skipped("none is there just now"),
            1 => Finding::ok("1 takes calls"),
            ready => Finding::ok(format!("{ready} take calls")),
        };
    };
    let found = format!(
        "{} of {} not reached at MEDIA_URL, as they see it: {first}",
        unreached.len(),
        workers.len()
    );
    let counts = |worker: &WorkerRow| worker.state == WorkerState::Ready;
    let finding = if workers.iter().any(counts) {
        Finding::warning(found, mend)
    } else {
        Finding::failed(found, mend)
    };
    finding.with_details(unreached)
}

async fn clock(here: &Here<'_>, client: &reqwest::Client) -> Check {
    let settings = here.settings();
    let vendors = Vendor::in_use(settings).map(|vendor| {
        let vendor = (vendor.settings)(settings);
        (vendor.simulated, &vendor.base_url)
    });
    let carrier = (settings.carrier.simulated, &settings.carrier.base_url);
    // Simulated sides have this very clock, and are not there when nothing runs.
    let others: Vec<&Url> = [carrier]
        .into_iter()
        .chain(vendors)
        .filter(|(simulated, _base)| !simulated || here.place() == Place::Aws)
        .map(|(_real, base)| base)
        .collect();
    let mend = others
        .first()
        .map_or_else(set_clock, |base| ask(base.as_str()));
    let look = async {
        if others.is_empty() {
            return Finding::skipped("nobody is there whose clock it could be compared with");
        }
        let ours = &here.doctor.installation.clock;
        let told = join_all(others.iter().map(|base| off_by(client, &**ours, base))).await;
        let told = told.into_iter().zip(&others);
        let mut told = told.filter_map(|(off, base)| Some((off?, base.host_str()?)));
        let Some((off, host)) = told.next() else {
            return Finding::skipped("nobody out there told the time");
        };
        if off <= CLOCK_OFF_MAX {
            return Finding::ok(format!("right, by {host}"));
        }
        let found = format!(
            "{} s off, by {host}: signatures are refused, and calls allowed at wrong hours",
            off.as_secs()
        );
        Finding::failed(found, set_clock())
    };
    check(Group::Network, "clock", mend, look).await
}

/// How far our clock is from that of an address; `None` when it does not tell the time.
async fn off_by(client: &reqwest::Client, ours: &dyn Clock, base: &Url) -> Option<SignedDuration> {
    let root = base.join("/").ok()?;
    let before = ours.now();
    // Whatever it answers, it says when.
    let answer = client.get(root).send().await.ok()?;
    let after = ours.now();
    let theirs = answer.headers().get(DATE)?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(theirs).ok()?;
    Some(off(before, after, theirs.timestamp()))
}

/// How far apart two clocks are at least: theirs was read somewhen between two readings of ours, and has
/// whole seconds.
fn off(before: Timestamp, after: Timestamp, theirs: Timestamp) -> SignedDuration {
    let second = SignedDuration::from_secs(1);
    let ahead = before.duration_since(theirs) - second;
    let behind = theirs.duration_since(after);
    ahead.max(behind).max(SignedDuration::ZERO)
}

fn set_clock() -> String {
    if cfg!(target_os = "macos") {
        "sudo sntp -sS time.apple.com".to_owned()
    } else {
        "sudo timedatectl set-ntp true".to_owned()
    }
}

async fn reach(
    here: &Here<'_>,
    client: &reqwest::Client,
    name: &'static str,
    variable: &'static str,
    base: Option<Url>,
) -> Check {
    let asked = base.as_ref().and_then(health_of);
    let mend = asked
        .as_ref()
        .map_or_else(|| here.mender().set(variable), |url| ask(url.as_str()));
    let look = async {
        if let Some(finding) = here.wrong(&[variable]) {
            return finding;
        }
        let Some(base) = base else {
            return match here.place() {
                Place::Laptop { .. } => Finding::skipped("Trunkline does not run here"),
                Place::Aws => {
                    let found = format!("{variable} is not set");
                    Finding::failed(found, here.mender().set(variable))
                }
            };
        };
        if let Some(finding) = unreachable_for_carrier(here, variable, &base) {
            return finding;
        }
        match asked {
            Some(url) => health(here, client, name, &base, url).await,
            None => Finding::failed(
                format!("{variable} is no web address"),
                here.mender().set(variable),
            ),
        }
    };
    check(Group::Network, name, mend, look).await
}

/// What the real carrier cannot reach, whatever can be reached from here.
fn unreachable_for_carrier(here: &Here<'_>, variable: &str, base: &Url) -> Option<Finding> {
    let carrier = &here.settings().carrier;
    if carrier.simulated || is_private(&carrier.base_url) {
        return None;
    }
    let wrong = wrong_for_carrier(base)?;
    let mend = here.mender().set(variable);
    Some(Finding::failed(format!("{variable} {wrong}"), mend))
}

fn wrong_for_carrier(base: &Url) -> Option<&'static str> {
    if is_private(base) {
        return Some("leads into a private network, where the carrier is not");
    }
    let encrypted = ["https", "wss"].contains(&base.scheme());
    (!encrypted).then_some("is not encrypted: what people say would be in the clear")
}

async fn health(
    here: &Here<'_>,
    client: &reqwest::Client,
    name: &str,
    base: &Url,
    url: Url,
) -> Finding {
    let host = base.host_str().unwrap_or_default().to_owned();
    let begun = Instant::now();
    let mut answer = match client.get(url.clone()).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let cause = providers::what_happened(&error, REQUEST_TIME_MAX);
            let way = by_way_of(&here.settings().proxies, &url);
            return Finding::failed(
                format!("{host} cannot be reached from here{way}: {cause}"),
                lost(here, name, base),
            );
        }
    };
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let says = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let says = says.as_ref().and_then(|body| body["status"].as_str());
    match (status, says) {
        (200, Some("ok")) => {
            let took = begun.elapsed().as_millis();
            Finding::ok(format!("{host} answers in {took} ms, asked from here"))
        }
        (503, _) if name == "media" => {
            let found = format!("no worker behind {host} takes calls just now");
            Finding::warning(found, lost(here, name, base))
        }
        (200, _) => {
            let found = format!("{host} answers, and it is not Trunkline");
            Finding::failed(found, ask(url.as_str()))
        }
        (status, _) => {
            let found = format!("{host} answers with status {status}, asked from here");
            Finding::failed(found, ask(url.as_str()))
        }
    }
}

/// Whom requests to an address go by way of, without its password.
pub(crate) fn by_way_of(proxies: &Proxies, url: &Url) -> String {
    let proxy = proxies.to(url);
    let told = proxy.map(|proxy| format!(" by way of the proxy {proxy}"));
    told.unwrap_or_default()
}

/// What brings an address back.
fn lost(here: &Here<'_>, name: &str, base: &Url) -> String {
    let ours = is_private(base);
    match (here.place(), name) {
        (Place::Laptop { .. }, _) if ours => crate::mend::START.to_owned(),
        (Place::Laptop { .. }, _) => {
            let port = here.settings().local.port;
            format!("cloudflared tunnel --url http://localhost:{port}")
        }
        (Place::Aws, "media") => crate::mend::deploy_with("WorkersMin=1"),
        (Place::Aws, _) => here.mender().make(),
    }
}

/// Where an address says that it is well.
fn health_of(base: &Url) -> Option<Url> {
    let scheme = match base.scheme() {
        "ws" | "http" => "http",
        _secure => "https",
    };
    // Between these schemes the library changes none that are special: text does.
    let (_scheme, rest) = base.as_str().split_once("://")?;
    let mut url = Url::parse(&format!("{scheme}://{rest}")).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().push("health");
    Some(url)
}

/// Whether an address is this machine's or of a network that is not the Internet.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local")
        }
        Some(Host::Ipv4(address)) => private(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => private(IpAddr::V6(address)),
        None => false,
    }
}

fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CheckState;

    #[test]
    fn a_clock_is_off_by_what_no_delay_explains() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let off = |before, after, theirs| off(at(before), at(after), at(theirs)).as_secs();
        assert_eq!(off(0, 3, 2), 0);
        assert_eq!(off(0, 3, 90), 87);
        assert_eq!(off(100, 103, 0), 99);
        // Theirs has whole seconds.
        assert_eq!(off(1, 1, 0), 0);
    }

    #[test]
    fn health_is_beside_sockets_and_below_a_path() {
        for (base, health) in [
            (
                "wss://media.example.com",
                "https://media.example.com/health",
            ),
            ("ws://127.0.0.1:81/", "http://127.0.0.1:81/health"),
            ("https://a.example/base/", "https://a.example/base/health"),
        ] {
            let base = Url::parse(base).unwrap();
            assert_eq!(health_of(&base).unwrap().as_str(), health);
        }
    }

    #[test]
    fn workers_that_calls_do_not_come_to_are_told_of_with_their_reason() {
        let worker = |state, unreached: Option<&str>| WorkerRow {
            id: model::WorkerId::from_parts(0, 0),
            state,
            calls: 0,
            calls_max: 1,
            until: Timestamp::MAX,
            unreached: unreached.map(str::to_owned),
        };
        let judged = |workers: &[WorkerRow]| {
            let finding = judge_workers(workers, "mend".to_owned());
            let check = finding.named(Group::Network, "workers", Duration::ZERO);
            (check.state, check.found)
        };
        let why = Some("https://media.example.com/media/ready: no answer within 2 s");
        let new = worker(WorkerState::Unreached, why);
        let (state, found) = judged(std::slice::from_ref(&new));
        assert_eq!(state, CheckState::Failed);
        assert_eq!(
            found,
            "1 of 1 not reached at MEDIA_URL, as they see it: \
             https://media.example.com/media/ready: no answer within 2 s"
        );
        let ready = worker(WorkerState::Ready, None);
        assert_eq!(judged(&[ready.clone(), new]).0, CheckState::Warning);
        // It has waited long enough and takes calls, and still does not see itself.
        let blind = worker(WorkerState::Ready, why);
        assert_eq!(judged(&[blind]).0, CheckState::Warning);
        assert_eq!(
            judged(&[ready.clone(), ready]),
            (CheckState::Ok, "2 take calls".to_owned())
        );
        let gone = worker(WorkerState::Draining, None);
        assert_eq!(judged(&[gone]).0, CheckState::Skipped);
    }

    #[test]
    fn a_private_address_is_known() {
        for (url, is) in [
            ("http://localhost:8080", true),
            ("http://127.0.0.1", true),
            ("http://192.168.1.2", true),
            ("http://[::1]:80", true),
            ("https://voice.example.com", false),
            ("https://8.8.8.8", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(is_private(&url), is, "{url}");
            assert_eq!(wrong_for_carrier(&url).is_some(), is, "{url}");
        }
        let clear = Url::parse("ws://media.example.com").unwrap();
        assert!(wrong_for_carrier(&clear).unwrap().contains("encrypted"));
    }
}
