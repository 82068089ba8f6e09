//! What calls cost, as a range: a low and a high price for everything that is billed.

use model::{Fault, FieldProblem, Outcome, member};
use serde::{Deserialize, Serialize};

use crate::sample::Sample;

/// The highest price that is believed, for any line: 1,000 units of currency.
pub const PRICE_MICROS_MAX: u64 = 1_000_000_000;

/// Prices in millionths of a unit of currency.
///
/// The defaults are **assumptions**, in USD, for calls inside the United States, taken from what was
/// commonly listed in 2026: good for an order of magnitude. Nobody has confirmed them for your account;
/// put your own in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// ISO 4217.
    #[cfg_attr(feature = "schema", schema(pattern = "^[A-Z]{3}$", example = "USD"))]
    pub currency: String,
    /// Where the prices are from.
    pub source: String,
    /// When they were looked up.
    pub as_of: String,
    /// A minute of an answered call, each begun minute whole. Calls that nobody answers are free.
    pub carrier_per_minute: PriceRange,
    /// Each answered call whose answering machine detection is on.
    pub detection_per_call: PriceRange,
    /// A minute of conversation with recognizer, language model and voice together, by the second.
    pub vendors_per_minute: PriceRange,
}

/// From the cheapest contract that is likely to the dearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceRange {
    pub low_micros: u64,
    pub high_micros: u64,
}

/// What was used, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    carrier_minutes: u64,
    detections: u64,
    vendor_ms: u64,
}

/// What a run costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastCost))]
pub struct Cost {
    pub currency: String,
    pub low_micros: u64,
    pub high_micros: u64,
    pub lines: Vec<CostLine>,
}

/// One thing that is billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ForecastCostLine))]
pub struct CostLine {
    pub what: Billed,
    /// Whole minutes or calls.
    pub quantity: u64,
    pub low_micros: u64,
    pub high_micros: u64,
}

/// What is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Billed {
    CarrierMinutes,
    Detections,
    VendorMinutes,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            currency: "USD".to_owned(),
            source: "assumption for calls inside the United States, not confirmed by any vendor"
                .to_owned(),
            as_of: "2026-11".to_owned(),
            carrier_per_minute: PriceRange::new(7_000, 20_000),
            detection_per_call: PriceRange::new(5_000, 10_000),
            vendors_per_minute: PriceRange::new(40_000, 130_000),
        }
    }
}

impl PriceRange {
    #[must_use]
    pub const fn new(low_micros: u64, high_micros: u64) -> Self {
        Self {
            low_micros,
            high_micros,
        }
    }
}

impl Prices {
    /// Every field that cannot be as it is, with the reason.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let letters = self.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if self.currency.len() != 3 || !letters {
            let says = "must be three capital letters, as in USD";
            problems.push(FieldProblem::new("/currency", Fault::Malformed, says));
        }
        for (name, range) in [
            ("carrier_per_minute", self.carrier_per_minute),
            ("detection_per_call", self.detection_per_call),
            ("vendors_per_minute", self.vendors_per_minute),
        ] {
            if range.low_micros > range.high_micros || range.high_micros > PRICE_MICROS_MAX {
                let says = format!("must go from low to high, at most {PRICE_MICROS_MAX}");
                problems.push(FieldProblem::new(member("", name), Fault::OutOfRange, says));
            }
        }
        problems
    }

    pub(crate) fn cost(&self, usage: &Usage, sample: Sample) -> Cost {
        let scaled = |quantity: u64| sample.scaled(quantity);
        let line =
            |what: Billed, range: PriceRange, units: u64, per: u64, quantity: u64| CostLine {
                what,
                quantity,
                low_micros: units.saturating_mul(range.low_micros).div_ceil(per),
                high_micros: units.saturating_mul(range.high_micros).div_ceil(per),
            };
        let minutes = scaled(usage.carrier_minutes);
        let detections = scaled(usage.detections);
        let vendor_ms = scaled(usage.vendor_ms);
        let lines = vec![
            line(
                Billed::CarrierMinutes,
                self.carrier_per_minute,
                minutes,
                1,
                minutes,
            ),
            line(
                Billed::Detections,
                self.detection_per_call,
                detections,
                1,
                detections,
            ),
            line(
                Billed::VendorMinutes,
                self.vendors_per_minute,
                vendor_ms,
                60_000,
                vendor_ms.div_ceil(60_000),
            ),
        ];
        let sum = |of: fn(&CostLine) -> u64| lines.iter().map(of).fold(0, u64::saturating_add);
        Cost {
            currency: self.currency.clone(),
            low_micros: sum(|line| line.low_micros),
            high_micros: sum(|line| line.high_micros),
            lines,
        }
    }
}

impl Usage {
    /// Counts a call that was answered, by whoever or whatever, for this long.
    pub(crate) fn answered(&mut self, talk_ms: u64, outcome: Outcome, detects: bool) {
        self.carrier_minutes += talk_ms.div_ceil(60_000);
        self.detections += u64::from(detects);
        if outcome != Outcome::Fax {
            self.vendor_ms += talk_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carrier_bills_begun_minutes_and_vendors_seconds() {
        let mut usage = Usage::default();
        usage.answered(61_000, Outcome::AgentEnded, true);
        usage.answered(1_000, Outcome::Fax, true);
        let prices = Prices {
            carrier_per_minute: PriceRange::new(10, 20),
            detection_per_call: PriceRange::new(1, 2),
            vendors_per_minute: PriceRange::new(60, 120),
            ..Prices::default()
        };
        let cost = prices.cost(
            &usage,
            Sample {
                simulated: 5,
                of: 5,
            },
        );
        assert_eq!(
            (cost.low_micros, cost.high_micros),
            (30 + 2 + 61, 60 + 4 + 122)
        );
        let doubled = prices.cost(
            &usage,
            Sample {
                simulated: 5,
                of: 10,
            },
        );
        assert_eq!(doubled.low_micros, 2 * cost.low_micros);
    }

    #[test]
    fn absurd_prices_are_named() {
        let prices: Prices = serde_json::from_str(
            r#"{"currency":"usd","carrier_per_minute":{"low_micros":2,"high_micros":1}}"#,
        )
        .unwrap();
        let fields: Vec<_> = prices
            .problems()
            .into_iter()
            .map(|problem| problem.at.to_string())
            .collect();
        assert_eq!(fields, ["/currency", "/carrier_per_minute"]);
        assert_eq!(Prices::default().problems(), []);
    }
}
