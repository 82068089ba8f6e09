//! The account's phone numbers: which there are, and whom a call to each asks what to do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::form::{Form, Refused, invalid};
use crate::carriers::twilio::hook::{Hook, Method};
use crate::carriers::twilio::record::API_VERSION;

/// Invalid URL of a number's webhook.
const INVALID_URL: u32 = 21_402;

/// What the account has.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    ours: BTreeMap<String, Number>,
    /// Elsewhere, verified to call from.
    verified: BTreeSet<String>,
}

/// A number that can be called.
#[derive(Debug, Clone, Default)]
pub(crate) struct Number {
    pub(crate) voice: Option<Hook>,
    application: Option<String>,
    trunk: Option<String>,
}

impl Numbers {
    pub(crate) fn of(numbers: Option<&BTreeSet<String>>) -> Self {
        let numbers = numbers.into_iter().flatten();
        Self {
            ours: numbers
                .map(|number| (number.clone(), Number::default()))
                .collect(),
            verified: BTreeSet::new(),
        }
    }

    pub(crate) fn verify(&mut self, number: &str) {
        self.verified.insert(number.to_owned());
    }

    /// Calls to it ask this URL.
    pub(crate) fn set_voice_url(&mut self, number: &str, url: &str) {
        let number = self.ours.entry(number.to_owned()).or_default();
        number.voice = Some(Hook {
            url: url.to_owned(),
            method: Method::Post,
        });
    }

    /// Whom a call to it asks.
    pub(crate) fn voice(&self, number: &str) -> Option<&Hook> {
        self.ours.get(number)?.voice.as_ref()
    }

    /// Entries of a list: of this number only, if one is named.
    pub(crate) fn entries(&self, account: &str, only: Option<&str>) -> Vec<(String, Value)> {
        let wanted = self
            .ours
            .iter()
            .filter(|(number, _about)| only.is_none_or(|only| only == *number));
        wanted
            .map(|(number, about)| (sid(number), about.to_json(account, number)))
            .collect()
    }

    /// The same of verified numbers.
    pub(crate) fn verified_entries(
        &self,
        account: &str,
        only: Option<&str>,
    ) -> Vec<(String, Value)> {
        let wanted = self.verified.iter();
        let wanted = wanted.filter(|number| only.is_none_or(|only| only == *number));
        let entry = |number: &String| {
            let sid = sid(number);
            let value = json!({
                "sid": sid,
                "account_sid": account,
                "phone_number": number,
                "friendly_name": number,
                "date_created": "Fri, 20 Nov 2026 09:00:00 +0000",
                "date_updated": "Fri, 20 Nov 2026 09:00:00 +0000",
                "uri": format!("/{API_VERSION}/Accounts/{account}/OutgoingCallerIds/{sid}.json"),
            });
            (sid, value)
        };
        wanted.map(entry).collect()
    }

    /// A number by its id, as REST shows it.
    pub(crate) fn get(&self, account: &str, wanted: &str) -> Result<Value, Refused> {
        let found = self
            .ours
            .iter()
            .find(|(number, _about)| sid(number) == wanted);
        let (number, about) = found.ok_or_else(missing)?;
        Ok(about.to_json(account, number))
    }

    /// Changes whom a call asks, as a form says.
    pub(crate) fn change(
        &mut self,
        account: &str,
        wanted: &str,
        mut form: Form,
    ) -> Result<Value, Refused> {
        let mut numbers = self.ours.iter_mut();
        let found = numbers.find(|(number, _about)| sid(number) == wanted);
        let (number, about) = found.ok_or_else(missing)?;
        let voice = form.hook("VoiceUrl", "VoiceMethod", INVALID_URL)?;
        let application = form.one("VoiceApplicationSid")?;
        let trunk = form.one("TrunkSid")?;
        form.no_more()?;
        for (name, prefix, given) in [
            ("VoiceApplicationSid", "AP", &application),
            ("TrunkSid", "TK", &trunk),
        ] {
            let is_sid = |text: &String| text.starts_with(prefix) && text.len() == 34;
            if given
                .as_ref()
                .is_some_and(|text| !text.is_empty() && !is_sid(text))
            {
                return Err(invalid(name));
            }
        }
        let given = |text: String| (!text.is_empty()).then_some(text);
        if voice.is_some() {
            about.voice = voice;
        }
        if let Some(application) = application {
            about.application = given(application);
        }
        if let Some(trunk) = trunk {
            about.trunk = given(trunk);
        }
        Ok(about.to_json(account, number))
    }
}

impl Number {
    fn to_json(&self, account: &str, number: &str) -> Value {
        let sid = sid(number);
        let voice = self.voice.as_ref();
        let method = voice.map_or("POST", |hook| match hook.method {
            Method::Get => "GET",
            Method::Post => "POST",
        });
        json!({
            "sid": sid,
            "account_sid": account,
            "phone_number": number,
            "friendly_name": number,
            "api_version": API_VERSION,
            "beta": false,
            "capabilities": {"voice": true, "sms": false, "mms": false, "fax": false},
            "date_created": "Fri, 20 Nov 2026 09:00:00 +0000",
            "date_updated": "Fri, 20 Nov 2026 09:00:00 +0000",
            "voice_url": voice.map_or("", |hook| hook.url.as_str()),
            "voice_method": method,
            "voice_fallback_url": "",
            "voice_fallback_method": "POST",
            "voice_application_sid": self.application.as_deref().unwrap_or_default(),
            "voice_caller_id_lookup": false,
            "voice_receive_mode": "voice",
            "trunk_sid": self.trunk,
            "sms_url": "",
            "sms_method": "POST",
            "sms_application_sid": "",
            "status_callback": "",
            "status_callback_method": "POST",
            "status": "in-use",
            "type": "local",
            "uri": format!("/{API_VERSION}/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"),
        })
    }
}

/// Made of the number's digits: the same for the same number.
fn sid(number: &str) -> String {
    format!("PN{:0>32}", number.trim_start_matches('+'))
}

fn missing() -> Refused {
    Refused::new(404, 20_404, "The requested resource was not found")
}
