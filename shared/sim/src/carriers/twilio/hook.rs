//! Webhooks: a request out, signed, with the documented time-outs and retries, and its faults.
//!
//! It decides when which request is made and whether it is made again; the owner makes it and says
//! how it went. Time-outs and retries can be set by the fragment of the URL, which is never sent.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::signature::{Signed, Signer};

/// Requests that one call may have waiting; more are dropped, and said to be.
const WAITING_MAX: usize = 256;

/// How long a callback whose receiver is not there yet is tried after a restart.
const RECOVERY: Duration = Duration::from_secs(60);
const RECOVERY_EVERY: Duration = Duration::from_millis(500);

/// Where a webhook goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hook {
    pub(super) url: String,
    pub(super) method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Method {
    Get,
    Post,
}

impl Method {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Post),
            _ => None,
        }
    }
}

/// What a webhook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    Status,
    Detection,
    Recording,
    Stream,
    /// Its answer is TwiML, which the call goes on with.
    Instructions,
    /// The same for the fallback URL.
    Fallback,
    /// A second delivery of something else, made by a fault.
    Again,
}

/// A webhook that was not delivered yet, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) purpose: Purpose,
    pub(super) hook: Hook,
    pub(super) fields: Vec<(String, String)>,
    /// The same over all attempts.
    pub(super) token: String,
}

/// One request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRequest {
    /// To be named with the answer.
    pub id: u64,
    /// Without the fragment. Of a GET the fields are in it.
    pub url: String,
    /// The form of a POST; a GET has none.
    pub body: Option<String>,
    pub signed: Signed,
    /// `I-Twilio-Idempotency-Token`.
    pub idempotency_token: String,
    pub connect_timeout: Duration,
    /// From the connection to the end of the answer.
    pub read_timeout: Duration,
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookAnswer {
    Answered {
        status: u16,
        content_type: String,
        body: String,
    },
    /// No connection: refused, or not in time.
    NotConnected,
    /// Connected, and then no (whole) answer in time.
    NotAnswered,
}

/// Faults of callbacks, each in percent of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallbackFaults {
    /// Never sent.
    pub drop_percent: u32,
    /// Sent twice.
    pub duplicate_percent: u32,
    /// Sent later than it should be, by up to `delay_max`, so that later ones overtake it.
    pub delay_percent: u32,
    pub delay_max: Duration,
}

/// What became of a webhook.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) id: u64,
    pub(super) purpose: Purpose,
    pub(super) answer: WebhookAnswer,
    /// Where it went, without the fragment.
    pub(super) url: String,
}

/// The webhooks of one call.
#[derive(Debug)]
pub(super) struct Hooks {
    signer: Signer,
    rng: ChaCha8Rng,
    next_id: u64,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    letter: Letter,
    policy: Policy,
    retries_left: u32,
    state: HookState,
    /// No attempt begins after this.
    until: Duration,
    /// Sent again after a restart, when the other side may still be starting itself.
    recovered: bool,
}

#[derive(Debug, Clone, Copy)]
enum HookState {
    Due(Duration),
    Sent,
}

/// Time-outs and retries, from the fragment of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    connect: Duration,
    read: Duration,
    total: Duration,
    retries: u32,
    on: RetryOn,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set, as the carrier has it"
)]
struct RetryOn {
    status_4xx: bool,
    status_5xx: bool,
    connect: bool,
    read: bool,
}

impl Hooks {
    pub(super) fn new(signer: &Signer, rng: ChaCha8Rng) -> Self {
        Self {
            signer: signer.clone(),
            rng,
            next_id: 1,
            waiting: BTreeMap::new(),
        }
    }

    /// A callback, with the faults of callbacks. `None` when too many are waiting.
    pub(super) fn call_back(
        &mut self,
        purpose: Purpose,
        hook: &Hook,
        fields: Vec<(String, String)>,
        faults: CallbackFaults,
        now: Duration,
    ) -> Option<()> {
        let mut chance = |percent: u32| percent > 0 && self.rng.random_range(0..100) < percent;
        if chance(faults.drop_percent) {
            return Some(());
        }
        let twice = chance(faults.duplicate_percent);
        let late = chance(faults.delay_percent);
        let delay_ms = u64::try_from(faults.delay_max.as_millis()).unwrap_or(u64::MAX);
        let delay = if late && delay_ms > 0 {
            Duration::from_millis(self.rng.random_range(1..=delay_ms))
        } else {
            Duration::ZERO
        };
        let letter = self.letter(purpose, hook, fields);
        if twice {
            let again = Letter {
                purpose: Purpose::Again,
                ..letter.clone()
            };
            self.add(again, now, now, false)?;
        }
        self.add(letter, now + delay, now + delay, false)?;
        Some(())
    }

    /// A request for TwiML. Its id, unless too many are waiting.
    pub(super) fn fetch(
        &mut self,
        purpose: Purpose,
        hook: &Hook,
        fields: Vec<(String, String)>,
        now: Duration,
    ) -> Option<u64> {
        let letter = self.letter(purpose, hook, fields);
        self.add(letter, now, now, false)
    }

    /// Sends again what was not delivered when the process died.
    pub(super) fn recover(&mut self, letters: Vec<Letter>, now: Duration) {
        for letter in letters {
            if !matches!(
                letter.purpose,
                Purpose::Instructions | Purpose::Fallback | Purpose::Again
            ) {
                self.add(letter, now, now, true);
            }
        }
    }

    /// Everything that waits now is tried for longer: the other side may still be starting itself.
    pub(super) fn patient(&mut self) {
        for waiting in self.waiting.values_mut() {
            if let HookState::Due(at) = waiting.state {
                waiting.until = at + RECOVERY;
                waiting.recovered = true;
            }
        }
    }

    /// Callbacks that are not delivered.
    pub(super) fn undelivered(&self) -> Vec<Letter> {
        self.waiting
            .values()
            .map(|waiting| waiting.letter.clone())
            .collect()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let due = self
            .waiting
            .values()
            .filter_map(|waiting| match waiting.state {
                HookState::Due(at) => Some(at),
                HookState::Sent => None,
            });
        due.min()
    }

    /// The next request whose time has come.
    pub(super) fn poll_request(&mut self, now: Duration) -> Option<WebhookRequest> {
        let is_due = |waiting: &Waiting| matches!(waiting.state, HookState::Due(at) if at <= now);
        let (id, waiting) = self
            .waiting
            .iter_mut()
            .find(|(_id, waiting)| is_due(waiting))?;
        waiting.state = HookState::Sent;
        Some(waiting.letter.request(*id, &waiting.policy, &self.signer))
    }

    /// Takes an answer. Gives what became of the webhook, unless it is tried again.
    pub(super) fn answered(
        &mut self,
        id: u64,
        answer: WebhookAnswer,
        now: Duration,
    ) -> Option<Settled> {
        let waiting = self.waiting.get_mut(&id)?;
        if waiting.recovered && answer == WebhookAnswer::NotConnected && now < waiting.until {
            waiting.state = HookState::Due(now + RECOVERY_EVERY);
            return None;
        }
        let again = waiting.policy.on.covers(&answer);
        if again && waiting.retries_left > 0 && now < waiting.until {
            waiting.retries_left -= 1;
            waiting.state = HookState::Due(now);
            return None;
        }
        let waiting = self.waiting.remove(&id)?;
        Some(Settled {
            id,
            purpose: waiting.letter.purpose,
            answer,
            url: without_fragment(&waiting.letter.hook.url).to_owned(),
        })
    }

    /// Forgets a request: its answer is not wanted any more.
    pub(super) fn forget(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    fn letter(&mut self, purpose: Purpose, hook: &Hook, fields: Vec<(String, String)>) -> Letter {
        let token = self.rng.random::<u128>();
        Letter {
            purpose,
            hook: hook.clone(),
            fields,
            token: format!("{token:032x}"),
        }
    }

    fn add(
        &mut self,
        letter: Letter,
        due: Duration,
        now: Duration,
        recovered: bool,
    ) -> Option<u64> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let policy = Policy::of(&letter.hook.url);
        let until = now + if recovered { RECOVERY } else { policy.total };
        let waiting = Waiting {
            letter,
            policy,
            retries_left: policy.retries,
            state: HookState::Due(due),
            until,
            recovered,
        };
        self.waiting.insert(id, waiting);
        Some(id)
    }
}

impl Letter {
    fn request(&self, id: u64, policy: &Policy, signer: &Signer) -> WebhookRequest {
        let bare = without_fragment(&self.hook.url);
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.fields {
            form.append_pair(name, value);
        }
        let form = form.finish();
        let (url, body, signed) = match self.hook.method {
            Method::Post => {
                let signed = signer.sign(bare, &self.fields);
                (bare.to_owned(), Some(form), signed)
            }
            Method::Get => {
                let glue = if bare.contains('?') { '&' } else { '?' };
                let url = format!("{bare}{glue}{form}");
                let signed = signer.sign(&url, &[]);
                (url, None, signed)
            }
        };
        WebhookRequest {
            id,
            url,
            body,
            signed,
            idempotency_token: self.token.clone(),
            connect_timeout: policy.connect,
            read_timeout: policy.read,
        }
    }
}

impl RetryOn {
    fn covers(self, answer: &WebhookAnswer) -> bool {
        match answer {
            WebhookAnswer::Answered { status, .. } => match status / 100 {
                4 => self.status_4xx,
                5 => self.status_5xx,
                _ => false,
            },
            WebhookAnswer::NotConnected => self.connect,
            WebhookAnswer::NotAnswered => self.read,
        }
    }
}

impl Policy {
    fn of(url: &str) -> Self {
        let mut policy = Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(15),
            total: Duration::from_secs(15),
            retries: 1,
            on: RetryOn {
                connect: true,
                ..RetryOn::default()
            },
        };
        let Some((_bare, fragment)) = url.split_once('#') else {
            return policy;
        };
        for (name, value) in form_urlencoded::parse(fragment.as_bytes()) {
            let within = |low: u64, high: u64| {
                let number = value.parse::<u64>().ok();
                number.filter(|number| (low..=high).contains(number))
            };
            let ms = |low, high| within(low, high).map(Duration::from_millis);
            match &*name {
                "ct" => policy.connect = ms(100, 10_000).unwrap_or(policy.connect),
                "rt" => policy.read = ms(100, 15_000).unwrap_or(policy.read),
                "tt" => policy.total = ms(100, 15_000).unwrap_or(policy.total),
                "rc" => {
                    let retries = within(0, 5).and_then(|number| u32::try_from(number).ok());
                    policy.retries = retries.unwrap_or(policy.retries);
                }
                "rp" => {
                    let all = value.split(',').any(|on| on == "all");
                    let has = |name| all || value.split(',').any(|on| on == name);
                    policy.on = RetryOn {
                        status_4xx: has("4xx"),
                        status_5xx: has("5xx"),
                        connect: has("ct"),
                        read: has("rt"),
                    };
                }
                _ => {}
            }
        }
        policy
    }
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(bare, _fragment)| bare)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    const NOW: Duration = Duration::from_secs(10);

    fn hooks() -> Hooks {
        let signer = Signer {
            auth_token: "12345".to_owned(),
            shared: None,
        };
        Hooks::new(&signer, ChaCha8Rng::seed_from_u64(1))
    }

    fn hook(url: &str) -> Hook {
        Hook {
            url: url.to_owned(),
            method: Method::Post,
        }
    }

    fn status(status: u16) -> WebhookAnswer {
        WebhookAnswer::Answered {
            status,
            content_type: String::new(),
            body: String::new(),
        }
    }

    /// How many requests are made when every one is answered like this.
    fn attempts(url: &str, answer: &WebhookAnswer) -> usize {
        let mut hooks = hooks();
        let none = CallbackFaults::default();
        hooks
            .call_back(Purpose::Status, &hook(url), Vec::new(), none, NOW)
            .unwrap();
        let mut tokens = Vec::new();
        while let Some(request) = hooks.poll_request(NOW) {
            assert_eq!(request.url, "https://h/p");
            tokens.push(request.idempotency_token);
            hooks.answered(request.id, answer.clone(), NOW);
        }
        assert!(hooks.is_idle());
        assert!(
            tokens.iter().all(|token| *token == tokens[0]),
            "one token for all attempts"
        );
        tokens.len()
    }

    #[test]
    fn by_default_only_a_failed_connection_is_tried_again_and_once() {
        assert_eq!(attempts("https://h/p", &status(200)), 1);
        assert_eq!(attempts("https://h/p", &status(500)), 1);
        assert_eq!(attempts("https://h/p", &WebhookAnswer::NotAnswered), 1);
        assert_eq!(attempts("https://h/p", &WebhookAnswer::NotConnected), 2);
    }

    #[test]
    fn the_fragment_says_what_is_tried_again_and_is_not_sent() {
        assert_eq!(attempts("https://h/p#rc=3&rp=all", &status(503)), 4);
        assert_eq!(attempts("https://h/p#rc=3&rp=all", &status(404)), 4);
        assert_eq!(attempts("https://h/p#rc=2&rp=5xx", &status(404)), 1);
        assert_eq!(
            attempts("https://h/p#rc=2&rp=5xx,rt", &WebhookAnswer::NotAnswered),
            3
        );
        assert_eq!(
            attempts("https://h/p#rc=0", &WebhookAnswer::NotConnected),
            1
        );
        assert_eq!(
            attempts("https://h/p#rc=9", &WebhookAnswer::NotConnected),
            2
        );
    }

    #[test]
    fn nothing_is_tried_again_after_fifteen_seconds() {
        let mut hooks = hooks();
        let hook = hook("https://h/p#rc=5&rp=all");
        hooks
            .call_back(
                Purpose::Status,
                &hook,
                Vec::new(),
                CallbackFaults::default(),
                NOW,
            )
            .unwrap();
        let request = hooks.poll_request(NOW).unwrap();
        let later = NOW + Duration::from_secs(15);
        assert!(
            hooks
                .answered(request.id, WebhookAnswer::NotAnswered, later)
                .is_some()
        );
    }

    #[test]
    fn a_get_carries_and_signs_its_fields_in_the_url() {
        let mut hooks = hooks();
        let hook = Hook {
            url: "https://dialer.example.com/twilio/voice#rc=1".to_owned(),
            method: Method::Get,
        };
        let fields = [("CallSid", "CA1"), ("From", "+15005550006")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        hooks
            .fetch(Purpose::Instructions, &hook, fields.to_vec(), NOW)
            .unwrap();
        let request = hooks.poll_request(NOW).unwrap();
        assert_eq!(
            request.url,
            "https://dialer.example.com/twilio/voice?CallSid=CA1&From=%2B15005550006"
        );
        assert_eq!(request.body, None);
        assert_eq!(request.signed.signature, "zQUa7DNewR76jEqssqq8zNrGMfY=");
    }

    #[test]
    fn faults_drop_double_and_delay() {
        let faults = CallbackFaults {
            duplicate_percent: 100,
            delay_percent: 100,
            delay_max: Duration::from_secs(1),
            ..CallbackFaults::default()
        };
        let mut hooks = hooks();
        hooks
            .call_back(
                Purpose::Status,
                &hook("https://h/p"),
                Vec::new(),
                faults,
                NOW,
            )
            .unwrap();
        let first = hooks.poll_request(NOW).unwrap();
        assert_eq!(hooks.poll_request(NOW), None, "the other one is delayed");
        let second = hooks.poll_request(NOW + Duration::from_secs(1)).unwrap();
        assert_eq!(first.idempotency_token, second.idempotency_token);

        let drop = CallbackFaults {
            drop_percent: 100,
            ..CallbackFaults::default()
        };
        let mut hooks = self::hooks();
        hooks
            .call_back(Purpose::Status, &hook("https://h/p"), Vec::new(), drop, NOW)
            .unwrap();
        assert!(hooks.is_idle());
    }

    #[test]
    fn after_a_restart_a_callback_waits_for_its_receiver() {
        let mut first = hooks();
        let none = CallbackFaults::default();
        first
            .call_back(
                Purpose::Recording,
                &hook("https://h/p"),
                Vec::new(),
                none,
                NOW,
            )
            .unwrap();
        let mut second = hooks();
        second.recover(first.undelivered(), Duration::ZERO);
        let mut now = Duration::ZERO;
        for _attempt in 0..20 {
            let request = second.poll_request(now).unwrap();
            assert!(
                second
                    .answered(request.id, WebhookAnswer::NotConnected, now)
                    .is_none()
            );
            now = second.poll_timeout().unwrap();
        }
        let request = second.poll_request(now).unwrap();
        assert!(second.answered(request.id, status(204), now).is_some());
    }
}
