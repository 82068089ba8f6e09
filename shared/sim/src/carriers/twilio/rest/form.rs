//! Parameters of REST requests, read strictly: unknown ones, doubled ones and values out of range are
//! refused with the carrier's error.

use std::collections::BTreeMap;

use serde_json::json;
use url::{Url, form_urlencoded};

use crate::carriers::twilio::hook::{Hook, Method};

/// A refusal, as the carrier words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: u32,
    /// Without the value that was wrong: it may be somebody's number.
    pub(crate) message: String,
    /// It crossed with the end of the call on its way, which breaks no rule.
    pub(crate) crossed: bool,
}

/// Invalid value of a parameter, where no code of its own is documented.
const INVALID: u32 = 20_422;
/// Unknown parameter.
const UNKNOWN: u32 = 20_001;

impl Refused {
    pub(crate) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            crossed: false,
        }
    }

    pub(crate) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn to_json(&self) -> String {
        json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status,
        })
        .to_string()
    }
}

/// Parameters still to be taken. What nobody took is unknown.
#[derive(Debug)]
pub(crate) struct Form {
    values: BTreeMap<String, Vec<String>>,
}

impl Form {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            values
                .entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        Self { values }
    }

    /// All values of a parameter that may repeat.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.values.remove(name).unwrap_or_default()
    }

    pub(crate) fn one(&mut self, name: &str) -> Result<Option<String>, Refused> {
        let mut values = self.all(name);
        if values.len() > 1 {
            return Err(Refused::bad(
                INVALID,
                format!("{name} is given more than once"),
            ));
        }
        Ok(values.pop())
    }

    pub(crate) fn choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Refused> {
        let Some(value) = self.one(name)? else {
            return Ok(None);
        };
        let chosen = choices.iter().find(|(text, _choice)| *text == value);
        chosen
            .map(|(_text, choice)| Some(*choice))
            .ok_or_else(|| invalid(name))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Refused> {
        let flag = self.choice(name, &[("true", true), ("false", false)])?;
        Ok(flag.unwrap_or(false))
    }

    pub(crate) fn number(
        &mut self,
        name: &str,
        default: u32,
        (low, high): (u32, u32),
    ) -> Result<u32, Refused> {
        let Some(value) = self.one(name)? else {
            return Ok(default);
        };
        let number = value
            .parse()
            .ok()
            .filter(|number| (low..=high).contains(number));
        number.ok_or_else(|| invalid(name))
    }

    /// Events that may be told, as repeated values or separated by spaces.
    pub(crate) fn events(
        &mut self,
        name: &str,
        known: &[&str],
        default: &[&str],
    ) -> Result<Vec<String>, Refused> {
        let values = self.all(name);
        if values.is_empty() {
            return Ok(default.iter().map(|event| (*event).to_owned()).collect());
        }
        let events: Vec<String> = values
            .iter()
            .flat_map(|value| value.split_whitespace())
            .map(str::to_owned)
            .collect();
        if events.iter().all(|event| known.contains(&event.as_str())) {
            Ok(events)
        } else {
            Err(invalid(name))
        }
    }

    /// A URL with its method.
    pub(crate) fn hook(
        &mut self,
        name: &str,
        method: &str,
        code: u32,
    ) -> Result<Option<Hook>, Refused> {
        let choices = [("GET", Method::Get), ("POST", Method::Post)];
        let method = self.choice(method, &choices)?.unwrap_or(Method::Post);
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        let url = Url::parse(&text).ok().filter(|url| {
            // Certificates and proxies on the way do not take an underscore in a host name.
            let host = url
                .host_str()
                .is_some_and(|host| !host.is_empty() && !host.contains('_'));
            matches!(url.scheme(), "http" | "https") && host
        });
        match url {
            Some(_) => Ok(Some(Hook { url: text, method })),
            None => Err(Refused::bad(code, format!("{name} is not a valid URL"))),
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn no_more(&self) -> Result<(), Refused> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(Refused::bad(UNKNOWN, format!("unknown parameter {name}"))),
        }
    }
}

pub(crate) fn invalid(name: &str) -> Refused {
    Refused::bad(INVALID, format!("{name} has an invalid value"))
}

/// E.164: a plus and seven to fifteen digits, the first of them not zero.
pub(crate) fn is_phone_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}
