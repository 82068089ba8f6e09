//! What the carrier calls back about a call.

use std::time::Duration;

use super::{Output, PhoneCall};
use crate::carriers::twilio::hook::{Hook, Purpose, Settled, WebhookAnswer};
use crate::carriers::twilio::record::date;

impl PhoneCall {
    pub(super) fn status_event(
        &mut self,
        event: &str,
        status: &str,
        extra: Vec<(String, String)>,
        now: Duration,
    ) {
        let order = &self.record.order;
        let wanted = order.status_events.iter().any(|wanted| wanted == event);
        if let Some(hook) = order.status_callback.clone()
            && wanted
        {
            let mut fields = self.record.fields(status);
            fields.extend(named([
                ("CallbackSource", "call-progress-events".to_owned()),
                ("Timestamp", date(self.account.wall(now))),
                ("SequenceNumber", self.record.sequence.to_string()),
            ]));
            fields.extend(extra);
            self.record.sequence += 1;
            self.call_back(Purpose::Status, &hook, fields, now);
        }
        self.changed(now);
    }

    pub(super) fn call_back(
        &mut self,
        purpose: Purpose,
        hook: &Hook,
        fields: Vec<(String, String)>,
        now: Duration,
    ) {
        let faults = self.account.faults().callbacks;
        if self
            .hooks
            .call_back(purpose, hook, fields, faults, now)
            .is_none()
        {
            self.account
                .noticed(11_200, "too many callbacks waiting", Some(&self.record.sid));
        }
        self.outputs.push_back(Output::Save);
    }

    /// A callback was answered, or given up.
    pub(super) fn delivered(&mut self, settled: &Settled) {
        let (code, what) = match &settled.answer {
            WebhookAnswer::Answered { status, .. } if status / 100 == 2 => (0, String::new()),
            WebhookAnswer::Answered { status, .. } => {
                (11_200, format!("a callback answered with status {status}"))
            }
            WebhookAnswer::NotConnected => (11_205, "no connection for a callback".to_owned()),
            WebhookAnswer::NotAnswered => (11_200, "a callback without an answer".to_owned()),
        };
        if code != 0 {
            self.account.noticed(code, what, Some(&self.record.sid));
        }
        self.outputs.push_back(Output::Save);
    }
}

/// Fields of a form.
pub(super) fn named<const N: usize>(fields: [(&str, String); N]) -> Vec<(String, String)> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
