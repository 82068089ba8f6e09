//! The carrier's webhooks: which of them come, come twice or never, and what they tell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Body;
use sim::carriers::twilio::{WebhookAnswer, WebhookRequest};
use tower::ServiceExt as _;

use super::World;
use crate::process::{self, Kind, Moment};
use crate::tally::{Answerer, Fault, Told};

/// Webhooks of the calls, as far as they tell faults.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// By address and form: the first one's number.
    pub(super) first: BTreeMap<(String, String), u64>,
    /// The highest sequence number, by the carrier's call.
    pub(super) latest: BTreeMap<String, u64>,
    /// Calls whose end we were told.
    pub(super) ended: BTreeSet<String>,
    /// Calls that were held.
    pub(super) held: BTreeSet<String>,
    /// By address and form: whether it is lost.
    pub(super) lost: BTreeMap<(String, String), bool>,
}

/// What a webhook says.
#[derive(Debug)]
struct Form(BTreeMap<String, String>);

impl Form {
    fn of(body: &str) -> Self {
        let fields = url::form_urlencoded::parse(body.as_bytes());
        Self(fields.into_owned().collect())
    }

    /// Empty where it does not say it.
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn tells_of_ringing(&self) -> bool {
        self.0.contains_key("SequenceNumber") && self.text("CallStatus") == "ringing"
    }

    /// What it tells, if it is one of those of which every kind gets lost.
    fn told(&self) -> Option<Told> {
        let progress = self.0.contains_key("SequenceNumber");
        if progress && self.text("CallStatus") == "in-progress" {
            return Some(Told::Answered);
        }
        if progress && self.text("CallStatus") == "completed" {
            return Some(Told::Completed);
        }
        if self.text("RecordingStatus") == "completed" {
            return Some(Told::Recording);
        }
        self.is_verdict().then_some(Told::Verdict)
    }

    fn is_verdict(&self) -> bool {
        self.0.contains_key("MachineDetectionDuration")
    }

    /// Who picked up, of the carrier's word on it.
    fn answerer(&self) -> Option<Answerer> {
        let by = self.text("AnsweredBy");
        if !self.is_verdict() {
            None
        } else if by.starts_with("machine") {
            Some(Answerer::Machine)
        } else {
            Some(Answerer::Person)
        }
    }
}

impl World {
    /// One webhook, from the carrier's gateway to our function and back.
    pub(super) async fn deliver(self: &Arc<Self>, request: WebhookRequest) -> WebhookAnswer {
        tokio::time::sleep(self.chance.ms(5..=60)).await;
        if self.chance.strikes(Fault::WebhookNotConnected, 10) {
            return WebhookAnswer::NotConnected;
        }
        let form = self.note(&request);
        if form.tells_of_ringing()
            && self
                .chance
                .strikes(Fault::KilledWhileRinging, self.weather.kills)
        {
            self.kill();
        }
        if self.is_deaf() {
            // A port that nobody listens on, or one whose owner stands still.
            if self.chance.per_mille(500) {
                return WebhookAnswer::NotConnected;
            }
            tokio::time::sleep(request.read_timeout).await;
            return WebhookAnswer::NotAnswered;
        }
        if self.is_lost(&request, &form) {
            return WebhookAnswer::Answered {
                status: 200,
                content_type: String::new(),
                body: String::new(),
            };
        }
        let answerer = form.answerer();
        self.cut(&form, answerer, Moment::Before);
        let answered = self.hand_over(request).await;
        if answerer.is_some() {
            tokio::time::sleep(self.chance.ms(0..=400)).await;
            self.cut(&form, answerer, Moment::After);
        }
        answered
    }

    /// One webhook, to a function of ours that takes it.
    async fn hand_over(&self, request: WebhookRequest) -> WebhookAnswer {
        let url: url::Url = request.url.parse().unwrap();
        let asked = http::Request::builder()
            .method("POST")
            .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header("content-type", "application/x-www-form-urlencoded")
            .header("X-Twilio-Signature", &request.signed.signature)
            .body(Body::from(request.body.unwrap_or_default()))
            .unwrap();
        let router = self.chance.pick(&self.callbacks).clone();
        let (chance, plug, deaths) = (&self.chance, &self.plug, self.weather.deaths);
        let handled = process::run(Kind::Callback, chance, plug, deaths, async {
            let response = router.oneshot(asked).await.unwrap();
            let status = response.status().as_u16();
            let kind = response.headers().get("content-type");
            let kind = kind.map_or(String::new(), |kind| kind.to_str().unwrap().to_owned());
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            WebhookAnswer::Answered {
                status,
                content_type: kind,
                body: String::from_utf8(body.unwrap().to_vec()).unwrap(),
            }
        });
        let handled = tokio::time::timeout(request.read_timeout, handled).await;
        self.rows.tell(|| format!("{}: {handled:?}", url.path()));
        match handled {
            // The gateway in front of a function that died answers for it.
            Ok(None) => WebhookAnswer::Answered {
                status: 502,
                content_type: "application/json".to_owned(),
                body: "{}".to_owned(),
            },
            Ok(Some(answer)) => answer,
            Err(_elapsed) => WebhookAnswer::NotAnswered,
        }
    }

    /// Notes whether a webhook came before, or behind one that was sent later.
    fn note(&self, request: &WebhookRequest) -> Form {
        let mut came = self.came.lock().unwrap();
        let body = request.body.clone().unwrap_or_default();
        let form = Form::of(&body);
        let call = form.text("CallSid").to_owned();
        if request.url.contains("held=") {
            came.held.insert(call.clone());
        }
        let first = came.first.entry((request.url.clone(), body));
        if *first.or_insert(request.id) != request.id {
            self.chance.struck(Fault::WebhookTwice);
            return form;
        }
        let Ok(sequence) = form.text("SequenceNumber").parse::<u64>() else {
            return form;
        };
        let latest = came.latest.entry(call.clone()).or_default();
        if sequence < *latest {
            self.chance.struck(Fault::WebhookOvertaken);
        }
        *latest = sequence.max(*latest);
        let known = ::carrier::twilio::status::call_status(form.text("CallStatus")).unwrap();
        if known.is_final() {
            came.ended.insert(call);
        }
        form
    }

    /// Whether what a callback tells is lost for good, whoever was to hear it: each time that it comes.
    fn is_lost(&self, request: &WebhookRequest, form: &Form) -> bool {
        let Some(told) = form.told() else {
            return false;
        };
        let mut came = self.came.lock().unwrap();
        let body = request.body.clone().unwrap_or_default();
        let lost = came.lost.entry((request.url.clone(), body));
        *lost.or_insert_with(|| {
            let often = self.weather.callbacks_lost;
            self.chance.strikes(Fault::CallbackLost(told), often)
        })
    }

    /// Breaks the stream of a call about when the carrier says who answered.
    fn cut(&self, form: &Form, answerer: Option<Answerer>, moment: Moment) {
        let Some(answerer) = answerer else { return };
        let often = match answerer {
            Answerer::Person => 20,
            Answerer::Machine => 100,
        };
        let sid = form.text("CallSid");
        if self.chance.per_mille(often) && self.carrier.cut_stream(sid) {
            self.chance.struck(Fault::StreamCut(moment, answerer));
            self.rows.tell(|| format!("the stream of {sid} breaks"));
        }
    }
}
