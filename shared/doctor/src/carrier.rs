//! The account at the carrier, and whether calls to our numbers reach us.

use ::carrier::account::{AccountState, CarrierNumber, FormRequest, NumberWish, Voice};
use ::carrier::call::Listed;
use ::carrier::carriers::CarrierRow;
use ::carrier::{Carrier, CarrierName, Connection, RefusalKind, RequestError};
use model::{PhoneNumber, TenantId};
use service::Links;
use store::{Number, Shelf};
use tokio::time::Instant;
use url::Url;

use crate::mend::{browse, quoted};
use crate::storage::after;
use crate::{Check, CheckState, Finding, Group, Here, Place, check};

/// Numbers that are looked at; that there are more is told.
const NUMBERS_MAX: u32 = 100;

/// The carrier that the settings are of.
const ROW: &CarrierRow = CarrierName::OF_SETTINGS.row();
const SETTINGS: [&str; 2] = [ROW.account_setting, ROW.secret_setting];

/// A number of ours, and what the carrier has under it.
struct Known {
    ours: Number,
    theirs: Theirs,
}

enum Theirs {
    Number(CarrierNumber),
    /// Verified, so that calls can be made from it; calls to it go elsewhere.
    Verified,
    Absent,
    /// The account has more numbers than are looked at.
    Unseen,
}

pub(crate) async fn examine(here: &Here<'_>, tenant: Option<TenantId>) -> Vec<Check> {
    let client = match connect(here) {
        Ok(Connection { client, .. }) => client,
        Err(finding) => {
            let account = finding.named(Group::Carrier, "account", std::time::Duration::ZERO);
            let numbers = Finding::skipped("see account");
            let numbers = numbers.named(Group::Numbers, "all", std::time::Duration::ZERO);
            return vec![account, numbers];
        }
    };
    let base = here.settings().carrier.base_url.as_str();
    let mend = crate::mend::ask(base);
    let account = check(Group::Carrier, "account", mend, account(here, &*client)).await;
    if let Some(skipped) = after(&account) {
        let numbers = skipped.named(Group::Numbers, "all", std::time::Duration::ZERO);
        return vec![account, numbers];
    }
    let mut checks = vec![account];
    checks.extend(numbers(here, &*client, tenant).await);
    checks
}

fn connect(here: &Here<'_>) -> Result<Connection, Finding> {
    if let Some(finding) = here.wrong(&SETTINGS).or_else(|| here.unseen(&SETTINGS)) {
        return Err(finding);
    }
    if here.settings().carrier.account_id.is_none() {
        return Err(match here.place() {
            Place::Laptop { .. } => Finding::skipped("simulated while Trunkline runs"),
            Place::Aws => Finding::failed(
                format!("{} are not set", SETTINGS.join(" and ")),
                here.mender().set(ROW.secret_setting),
            ),
        });
    }
    here.doctor.connect().map_err(|_problem| {
        let found = "the carrier's client cannot be set up on this machine";
        Finding::failed(found, here.mender().set(ROW.account_setting))
    })
}

async fn account(here: &Here<'_>, client: &dyn Carrier) -> Finding {
    let account = match client.fetch_account().await {
        Ok(account) => account,
        Err(error) => return refused(here, &error),
    };
    match account.state {
        Some(AccountState::Active) if account.is_trial => {
            let found =
                "active, for trial: only numbers that the account has verified can be called";
            Finding::warning(found, browse(ROW.billing))
        }
        Some(AccountState::Active) => Finding::ok("active, the token is taken"),
        Some(AccountState::Suspended) => {
            Finding::failed("suspended by the carrier", browse(ROW.console))
        }
        Some(AccountState::Closed) => {
            Finding::failed("closed", here.mender().set(ROW.account_setting))
        }
        None => Finding::warning("in a state that is not known here", browse(ROW.console)),
    }
}

fn refused(here: &Here<'_>, error: &RequestError) -> Finding {
    let base = here.settings().carrier.base_url.as_str();
    match error {
        RequestError::Refused(refusal) => {
            let said = refusal.to_string();
            let kind = refusal.kind;
            if kind == RefusalKind::Credentials {
                let found = format!("the carrier does not take the token ({said})");
                return Finding::failed(found, here.mender().set(ROW.secret_setting));
            }
            if kind == RefusalKind::NotFound {
                let found = format!("the carrier has no such account ({said})");
                return Finding::failed(found, here.mender().set(ROW.account_setting));
            }
            Finding::failed(format!("the carrier refuses ({said})"), browse(ROW.console))
        }
        RequestError::RateLimited { .. } => {
            let found = "the carrier takes no more requests just now";
            Finding::warning(found, crate::mend::ask(base))
        }
        RequestError::Unreachable(_) => {
            Finding::failed(format!("{base} cannot be reached"), crate::mend::ask(base))
        }
        RequestError::Unavailable { .. }
        | RequestError::Lost(_)
        | RequestError::Unsupported(_)
        | RequestError::ForeignId
        | RequestError::Instructions(_) => {
            Finding::failed(format!("{base}: {error}"), crate::mend::ask(base))
        }
    }
}

async fn numbers(here: &Here<'_>, client: &dyn Carrier, tenant: Option<TenantId>) -> Vec<Check> {
    let begun = Instant::now();
    let known = match tokio::time::timeout(crate::CHECK_TIME_MAX, known(here, client, tenant)).await
    {
        Ok(known) => known,
        Err(_elapsed) => {
            let base = here.settings().carrier.base_url.as_str();
            Err(Finding::failed("no answer in time", crate::mend::ask(base)))
        }
    };
    let known = match known {
        Ok(known) => known,
        Err(finding) => return vec![finding.named(Group::Numbers, "all", begun.elapsed())],
    };
    let elapsed = begun.elapsed();
    if known.is_empty() {
        let none = Finding::warning(
            "none is registered: calls need one to be made from",
            "curl -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' $API/v1/numbers -d '{\"number\":\"+1…\",\"agent_id\":\"agent_…\"}'",
        );
        return vec![none.named(Group::Numbers, "all", elapsed)];
    }
    let many = u32::try_from(known.len()).is_ok_and(|number| number >= NUMBERS_MAX);
    let mut checks: Vec<Check> = known
        .iter()
        .map(|known| {
            let finding = judge(here, client, known);
            finding.named(Group::Numbers, known.ours.number.as_str(), elapsed)
        })
        .collect();
    if many {
        let rest = Finding::skipped(format!("only the newest {NUMBERS_MAX} are looked at"));
        checks.push(rest.named(Group::Numbers, "the rest", elapsed));
    }
    checks
}

/// Our numbers with what the carrier knows of them.
async fn known(
    here: &Here<'_>,
    client: &dyn Carrier,
    tenant: Option<TenantId>,
) -> Result<Vec<Known>, Finding> {
    let ours = ours(here, tenant).await?;
    if ours.is_empty() {
        return Ok(Vec::new());
    }
    let listed = tokio::try_join!(client.list_numbers(), client.list_caller_ids());
    let (theirs, verified) = listed.map_err(|error| refused(here, &error))?;
    let known = ours.into_iter().map(|ours| {
        let theirs = theirs_of(&ours.number, &theirs, &verified);
        Known { ours, theirs }
    });
    Ok(known.collect())
}

/// The newest numbers, of this tenant or of the installation's owner.
pub(crate) async fn ours(
    here: &Here<'_>,
    tenant: Option<TenantId>,
) -> Result<Vec<Number>, Finding> {
    let Some(store) = here.store() else {
        return Err(Finding::skipped("see table"));
    };
    let unread = |_error| Finding::skipped("the table cannot be read, see table");
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => match store.accounts.owner().await.map_err(unread)? {
            Some(owner) => owner.tenant_id,
            None => return Err(Finding::skipped("nobody owns this installation yet")),
        },
    };
    let page = store
        .numbers
        .list(tenant, Shelf::InUse, None, NUMBERS_MAX)
        .await;
    Ok(page.map_err(unread)?.items)
}

fn theirs_of(
    number: &PhoneNumber,
    numbers: &Listed<CarrierNumber>,
    verified: &Listed<PhoneNumber>,
) -> Theirs {
    if let Some(found) = numbers.items.iter().find(|known| known.number == *number) {
        return Theirs::Number(found.clone());
    }
    if verified.items.contains(number) {
        return Theirs::Verified;
    }
    if numbers.complete && verified.complete {
        Theirs::Absent
    } else {
        Theirs::Unseen
    }
}

fn judge(here: &Here<'_>, client: &dyn Carrier, known: &Known) -> Finding {
    let answers = known.ours.agent_id.is_some();
    let theirs = match &known.theirs {
        Theirs::Number(theirs) => theirs,
        Theirs::Verified if answers => {
            let found = "verified to call from only: calls to it do not come here";
            return Finding::warning(found, buy(here, client, &known.ours.number));
        }
        Theirs::Verified => return Finding::ok("verified to call from"),
        Theirs::Absent => {
            let found = "the carrier's account does not have it; the command buys it";
            return Finding::failed(found, buy(here, client, &known.ours.number));
        }
        Theirs::Unseen => {
            return Finding::skipped("the account has more numbers than are looked at");
        }
    };
    if !answers {
        return Finding::ok("to call from; it has no agent, so calls to it are turned away");
    }
    let Some(wanted) = voice_url(here) else {
        return Finding::skipped("PUBLIC_URL is not set");
    };
    let Some(wrong) = wrong_with(&theirs.voice, &wanted) else {
        return Finding::ok("calls to it come here");
    };
    let mend = here.mender();
    let own = mend.own("--fix numbers");
    Finding::failed(
        wrong,
        own.unwrap_or_else(|| set(here, client, theirs, &wanted)),
    )
}

/// What keeps a call to a number from us, in words.
fn wrong_with(voice: &Voice, wanted: &Url) -> Option<String> {
    let wrong = match voice {
        Voice::Url { url, by_post } => {
            // A fragment is the carrier's own: how it tries again.
            let parsed = Url::parse(url).ok().map(|mut url| {
                url.set_fragment(None);
                url
            });
            if parsed.as_ref() == Some(wanted) {
                return (!by_post).then(|| "calls to it ask by GET instead of POST".to_owned());
            }
            let host = parsed.as_ref().and_then(|url| url.host_str());
            let host = host.unwrap_or("nowhere");
            format!("calls to it go to another address, at {host}")
        }
        Voice::Nobody => "calls to it go nowhere: no address is set".to_owned(),
        Voice::Application => "calls to it go to an application of the account".to_owned(),
        Voice::Trunk => "calls to it go to a trunk of the account".to_owned(),
        Voice::Incapable => "it cannot be called at all".to_owned(),
    };
    Some(wrong)
}

fn voice_url(here: &Here<'_>) -> Option<Url> {
    let public = here.settings().public.public_url.clone()?;
    let links = Links::new(public.clone(), public, ROW.name).ok()?;
    Some(links.voice())
}

/// Points a number at us, as a request of the carrier's own.
fn set(here: &Here<'_>, client: &dyn Carrier, number: &CarrierNumber, wanted: &Url) -> String {
    by_hand(here, client.by_hand(NumberWish::PointAt(number, wanted)))
}

fn buy(here: &Here<'_>, client: &dyn Carrier, number: &PhoneNumber) -> String {
    let wanted = voice_url(here);
    by_hand(
        here,
        client.by_hand(NumberWish::Buy(number, wanted.as_ref())),
    )
}

/// The command that makes the request; where the carrier has none, its own pages.
fn by_hand(here: &Here<'_>, request: Option<FormRequest>) -> String {
    let Some(FormRequest { url, form }) = request else {
        return browse(ROW.console);
    };
    let account = here.settings().carrier.account_id.as_deref();
    let unset = format!("${}", ROW.account_setting);
    let mut command = format!(
        "curl -u {}:${} {}",
        account.unwrap_or(&unset),
        ROW.secret_setting,
        quoted(url.as_str())
    );
    for (name, value) in form {
        command.push_str(" --data-urlencode ");
        command.push_str(&quoted(&format!("{name}={value}")));
    }
    command
}

/// See [`crate::Doctor::fix_numbers`].
pub(crate) async fn fix_numbers(here: &Here<'_>, tenant: Option<TenantId>) -> Vec<Check> {
    let begun = Instant::now();
    let all = |finding: Finding| vec![finding.named(Group::Numbers, "all", begun.elapsed())];
    let client = match connect(here) {
        Ok(Connection { client, .. }) => client,
        Err(finding) => return all(finding),
    };
    let known = match known(here, &*client, tenant).await {
        Ok(known) => known,
        Err(finding) => return all(finding),
    };
    let Some(wanted) = voice_url(here) else {
        return all(Finding::failed(
            "PUBLIC_URL is not set",
            here.mender().set("PUBLIC_URL"),
        ));
    };
    let mut done = Vec::new();
    for known in known {
        let Theirs::Number(theirs) = &known.theirs else {
            continue;
        };
        let wrong = wrong_with(&theirs.voice, &wanted);
        if known.ours.agent_id.is_none() || wrong.is_none() {
            continue;
        }
        let begun = Instant::now();
        let finding = match client.set_voice_url(theirs, &wanted).await {
            Ok(now) if wrong_with(&now.voice, &wanted).is_none() => {
                Finding::ok("its webhook was set")
            }
            Ok(_still) => {
                let found = "the carrier took the request and left the number as it was";
                Finding::failed(found, set(here, &*client, theirs, &wanted))
            }
            Err(error) => refused(here, &error),
        };
        done.push(finding.named(Group::Numbers, known.ours.number.as_str(), begun.elapsed()));
    }
    done.retain(|check| check.state != CheckState::Skipped);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reaches_us_only_by_our_address_and_post() {
        let wanted = Url::parse("https://voice.example.com/carriers/any/voice").unwrap();
        let said = |url: &str, by_post| {
            let url = url.to_owned();
            wrong_with(&Voice::Url { url, by_post }, &wanted)
        };
        assert_eq!(
            said("https://voice.example.com/carriers/any/voice", true),
            None
        );
        assert_eq!(
            said("https://voice.example.com/carriers/any/voice#rc=5", true),
            None
        );
        assert!(said("https://voice.example.com/carriers/any/voice", false).is_some());
        let elsewhere = said("https://demo.example.org/welcome/voice/", true).unwrap();
        assert!(elsewhere.contains("demo.example.org"), "{elsewhere}");
        for voice in [
            Voice::Nobody,
            Voice::Application,
            Voice::Trunk,
            Voice::Incapable,
        ] {
            assert!(wrong_with(&voice, &wanted).is_some(), "{voice:?}");
        }
    }
}
