//! What is worth counting about vendors. Labels are names of ours, never anything a vendor sent.

use std::time::Duration;

use conversation::FailureKind;

/// A connection to a recognizer.
pub(crate) const RECOGNITION: &str = "recognition";
/// An answer of a language model.
pub(crate) const GENERATION: &str = "generation";
/// An utterance of a voice.
pub(crate) const SYNTHESIS: &str = "synthesis";

/// Counters of a vendor stand at 0 before anything happens, so that its first failure shows as a rate.
pub(crate) fn from_zero(vendor: &'static str, leg: &'static str) {
    metrics::counter!("trunkline_vendor_requests_total", "vendor" => vendor, "leg" => leg)
        .increment(0);
    metrics::counter!("trunkline_vendor_garbage_total", "vendor" => vendor).increment(0);
    for kind in FailureKind::ALL {
        metrics::counter!("trunkline_vendor_failures_total", "vendor" => vendor, "leg" => leg, "kind" => kind.code())
            .increment(0);
    }
}

/// Something was asked of a vendor.
pub(crate) fn asked(vendor: &'static str, leg: &'static str) {
    metrics::counter!("trunkline_vendor_requests_total", "vendor" => vendor, "leg" => leg)
        .increment(1);
}

/// A connection stood after this time.
pub(crate) fn connected(vendor: &'static str, leg: &'static str, took: Duration) {
    latency(vendor, leg, "connect", took);
}

/// The first word or sound of what was asked came after this time.
pub(crate) fn began(vendor: &'static str, leg: &'static str, took: Duration) {
    latency(vendor, leg, "first_byte", took);
}

fn latency(vendor: &'static str, leg: &'static str, step: &'static str, took: Duration) {
    metrics::histogram!("trunkline_vendor_latency_seconds", "vendor" => vendor, "leg" => leg, "step" => step)
        .record(took);
}

/// A message that means nothing to a call was left aside: an unknown type, or audio of an utterance
/// that is no longer wanted.
pub(crate) fn ignored(vendor: &'static str, what: &'static str) {
    metrics::counter!("trunkline_vendor_messages_ignored_total", "vendor" => vendor, "what" => what)
        .increment(1);
}

/// A message was not of the vendor's protocol.
pub(crate) fn garbage(vendor: &'static str) {
    metrics::counter!("trunkline_vendor_garbage_total", "vendor" => vendor).increment(1);
}

#[cfg(test)]
mod tests;
