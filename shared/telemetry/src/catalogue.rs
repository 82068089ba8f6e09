//! Every metric of the product: its name, unit and labels, and what of it becomes a metric of CloudWatch.
//!
//! Code counts with the macros of `metrics` and these very names; a test holds both together, and this
//! table to the one of `ARCHITECTURE.md`. A label has values of our own making, a few dozen at most: never
//! an id, a number, or anything that somebody sent.

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub labels: &'static [&'static str],
    /// The sets of dimensions by which CloudWatch keeps it: labels, or [`SERVICE`]; the empty set keeps
    /// all of it together. With no set it is in the log line only, where Logs Insights finds it: each set
    /// and value costs by the month.
    pub kept_by: &'static [&'static [&'static str]],
    pub meaning: &'static str,
}

/// The dimension that says which function it was, or the media worker.
pub const SERVICE: &str = "service";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Seconds,
    Bytes,
    Percent,
}

impl Unit {
    /// As CloudWatch writes it (Amazon CloudWatch API reference, `MetricDatum`).
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Bytes => "Bytes",
            Self::Percent => "Percent",
        }
    }
}

/// The metric of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    CATALOGUE.iter().find(|metric| metric.name == name)
}

const BY_SERVICE: &[&[&str]] = &[&[SERVICE]];
const TOGETHER: &[&[&str]] = &[&[]];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    kept_by: &'static [&'static [&'static str]],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit: Unit::Count,
        labels,
        kept_by,
        meaning,
    }
}

const fn seconds(
    name: &'static str,
    labels: &'static [&'static str],
    kept_by: &'static [&'static [&'static str]],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels,
        kept_by,
        meaning,
    }
}

const fn gauge(
    name: &'static str,
    kept_by: &'static [&'static [&'static str]],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        unit: Unit::Count,
        labels: &[],
        kept_by,
        meaning,
    }
}

const fn in_unit(metric: Metric, unit: Unit) -> Metric {
    Metric { unit, ..metric }
}

/// All of them, in the order of the documentation.
pub const CATALOGUE: &[Metric] = &[
    // ---- calls
    counter(
        "trunkline_leads_claimed_total",
        &[],
        BY_SERVICE,
        "leads of campaigns that became calls",
    ),
    counter(
        "trunkline_call_requests_refused_total",
        &["reason"],
        &[],
        "calls that the API did not begin",
    ),
    counter(
        "trunkline_dials_turned_back_total",
        &["rule"],
        &[],
        "calls that a rule stopped at the gate",
    ),
    counter(
        "trunkline_waits_for_worker_total",
        &["who"],
        TOGETHER,
        "times that a call, a customer or leads were kept waiting because no media worker was ready for them; what starts one more",
    ),
    counter(
        "trunkline_carrier_create_failures_total",
        &["kind"],
        BY_SERVICE,
        "requests for a call that the carrier did not confirm",
    ),
    counter(
        "trunkline_inbound_calls_rejected_total",
        &["reason"],
        &[],
        "calls to our numbers that were not taken",
    ),
    counter(
        "trunkline_calls_ended_total",
        &["outcome"],
        &[&["outcome"]],
        "calls that are over",
    ),
    counter(
        "trunkline_calls_dropped_total",
        &["reason"],
        &[&["reason"]],
        "of those, calls that had been answered and ended by a fault of ours or of a vendor's",
    ),
    counter(
        "trunkline_calls_unheard_total",
        &["state"],
        &[&["state"]],
        "calls that the carrier ended while a session had them (`missing`), and of those the ones whose session told its end after all (`heard`)",
    ),
    counter(
        "trunkline_calls_swept_total",
        &[],
        BY_SERVICE,
        "calls whose end nobody had told",
    ),
    counter(
        "trunkline_slots_healed_total",
        &["reason"],
        &[],
        "slots given back that should have been free",
    ),
    gauge(
        "trunkline_slots_taken",
        BY_SERVICE,
        "outbound calls under way at the carrier's account, as the sweep sees them",
    ),
    // ---- functions
    counter(
        "trunkline_api_problems_total",
        &["code"],
        &[],
        "requests to the API that were answered with a problem",
    ),
    counter(
        "trunkline_webhooks_refused_total",
        &["code"],
        &[&["code"]],
        "webhooks that were not believed or not taken",
    ),
    counter(
        "trunkline_dial_messages_total",
        &["result"],
        &[],
        "messages of the dial queue",
    ),
    counter(
        "trunkline_dial_messages_unsent_total",
        &[],
        &[],
        "messages of the dial queue that the sweep has to make up for",
    ),
    counter(
        "trunkline_import_messages_total",
        &["result"],
        &[],
        "messages of the import queue",
    ),
    counter(
        "trunkline_planner_steps_total",
        &["by", "result"],
        &[&["result"]],
        "planning steps, by what asked for them",
    ),
    // ---- AWS
    counter(
        "trunkline_aws_failures_total",
        &["target", "kind"],
        &[],
        "attempts at a request to AWS that failed: `throttled`, `server`, `timeout`, `connect`",
    ),
    counter(
        "trunkline_aws_throttles_total",
        &["target"],
        &[&["target"]],
        "of those, attempts that AWS throttled, tried again or not",
    ),
    // ---- the media worker
    gauge(
        "trunkline_worker_calls",
        BY_SERVICE,
        "calls that one worker holds; what the service scales by",
    ),
    in_unit(
        gauge(
            "trunkline_worker_saturation_percent",
            BY_SERVICE,
            "of the calls that one worker may hold",
        ),
        Unit::Percent,
    ),
    gauge("trunkline_calls_active", &[], "conversations that are on"),
    counter(
        "trunkline_calls_started_total",
        &[],
        BY_SERVICE,
        "sessions opened",
    ),
    counter(
        "trunkline_calls_refused_total",
        &["reason"],
        &[&["reason"]],
        "media sockets that did not become a session",
    ),
    counter(
        "trunkline_sessions_ended_total",
        &["outcome"],
        &[],
        "sessions over; without an outcome `handed_over` or `left_to_resume`",
    ),
    counter(
        "trunkline_hand_overs_total",
        &["result"],
        &[&["result"]],
        "calls of a stopping worker that went to another: `done`; and tries that did not: `not_prepared`, `refused`, `unknown`",
    ),
    seconds(
        "trunkline_engine_overhead_seconds",
        &[],
        BY_SERVICE,
        "our own part of an answer (promise P5)",
    ),
    seconds(
        "trunkline_voice_to_voice_seconds",
        &[],
        BY_SERVICE,
        "from the customer's last sound to our first frame out",
    ),
    seconds(
        "trunkline_barge_in_seconds",
        &[],
        BY_SERVICE,
        "from the wake that brought an interruption to `clear` written",
    ),
    seconds(
        "trunkline_event_loop_lag_seconds",
        &[],
        BY_SERVICE,
        "how late the worker wakes from a sleep of a second",
    ),
    counter(
        "trunkline_carrier_frames_received_total",
        &[],
        &[],
        "audio messages of the carrier",
    ),
    counter(
        "trunkline_carrier_messages_ignored_total",
        &["reason"],
        &[],
        "messages not taken while the call went on",
    ),
    counter(
        "trunkline_carrier_streams_refused_total",
        &["reason"],
        &[],
        "running streams that were closed for their messages",
    ),
    in_unit(
        counter(
            "trunkline_customer_audio_lost_bytes_total",
            &[],
            &[],
            "customer audio that never came and was replaced by silence; 8,000 bytes are a second",
        ),
        Unit::Bytes,
    ),
    counter(
        "trunkline_lines_flagged_total",
        &["kind"],
        &[],
        "sessions in which a side was not heard, or whose line was bad",
    ),
    counter(
        "trunkline_recognition_messages_sent_total",
        &[],
        &[],
        "audio messages to the recognizer",
    ),
    counter(
        "trunkline_carrier_media_sent_total",
        &[],
        &[],
        "audio messages to the carrier",
    ),
    in_unit(
        counter(
            "trunkline_agent_audio_sent_bytes_total",
            &[],
            &[],
            "agent audio in them; 8,000 bytes are a second",
        ),
        Unit::Bytes,
    ),
    counter(
        "trunkline_playouts_dropped_total",
        &[],
        &[],
        "times that the carrier did not read and speech was dropped",
    ),
    counter(
        "trunkline_playout_underruns_total",
        &[],
        &[],
        "times that the carrier ran out of audio in mid-utterance",
    ),
    counter(
        "trunkline_interruptions_total",
        &["by"],
        &[],
        "times that the customer cut the agent short",
    ),
    counter(
        "trunkline_false_interruptions_total",
        &[],
        &[],
        "of those, noise",
    ),
    counter(
        "trunkline_backchannels_ignored_total",
        &[],
        &[],
        "acknowledgements that stopped nothing",
    ),
    counter(
        "trunkline_stale_dropped_total",
        &[],
        &[],
        "vendors' events for what is not wanted any more",
    ),
    counter(
        "trunkline_opt_outs_total",
        &[],
        &[],
        "callees who asked not to be called again",
    ),
    counter(
        "trunkline_turns_stored_total",
        &[],
        &[],
        "records of sessions stored",
    ),
    counter(
        "trunkline_turn_write_retries_total",
        &[],
        &[],
        "attempts to store that failed",
    ),
    counter(
        "trunkline_turns_lost_total",
        &[],
        BY_SERVICE,
        "turns given up because the store stayed away",
    ),
    counter(
        "trunkline_speech_cache_hits_total",
        &[],
        &[],
        "greetings and the like found in memory",
    ),
    counter(
        "trunkline_speech_cache_misses_total",
        &[],
        &[],
        "greetings and the like that had to be spoken",
    ),
    in_unit(
        gauge(
            "trunkline_speech_cache_bytes",
            &[],
            "memory of the cache of synthesised speech",
        ),
        Unit::Bytes,
    ),
    counter(
        "trunkline_session_wakes_total",
        &[],
        &[],
        "polls of session tasks: what scheduling costs",
    ),
    counter(
        "trunkline_recordings_total",
        &["result"],
        &[],
        "recording jobs done, by how",
    ),
    counter(
        "trunkline_recordings_missing_total",
        &["result"],
        &[],
        "recordings that the carrier had not told of, by what came of looking",
    ),
    counter(
        "trunkline_recordings_reconciled_total",
        &["result"],
        &[],
        "recordings at the carrier about which something was done when its account was compared with ours",
    ),
    // ---- vendors
    counter(
        "trunkline_vendor_requests_total",
        &["vendor", "leg"],
        &[&["vendor", "leg"]],
        "connections asked for (`recognition`), answers (`generation`), utterances (`synthesis`)",
    ),
    counter(
        "trunkline_vendor_failures_total",
        &["vendor", "leg", "kind"],
        &[&["vendor", "leg"]],
        "failures of vendors and their connections",
    ),
    seconds(
        "trunkline_vendor_latency_seconds",
        &["vendor", "leg", "step"],
        &[&["vendor", "leg", "step"]],
        "until a connection stood (`connect`), until the first word or sound (`first_byte`)",
    ),
    counter(
        "trunkline_vendor_retries_total",
        &["leg"],
        &[],
        "vendors tried again or replaced",
    ),
    counter(
        "trunkline_vendor_messages_ignored_total",
        &["vendor", "what"],
        &[],
        "vendors' messages that mean nothing to a call",
    ),
    counter(
        "trunkline_vendor_garbage_total",
        &["vendor"],
        &[],
        "messages that are not of the vendor's protocol",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_say_what_they_count() {
        let names: BTreeSet<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), CATALOGUE.len(), "a name is there twice");
        for metric in CATALOGUE {
            let Metric {
                name, kind, unit, ..
            } = metric;
            assert!(name.starts_with("trunkline_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            let of_unit = match unit {
                Unit::Count => true,
                Unit::Seconds => name.contains("_seconds"),
                Unit::Bytes => name.contains("_bytes"),
                Unit::Percent => name.contains("_percent"),
            };
            assert!(of_unit, "{name} is counted in {unit:?}");
            assert_eq!(
                name.ends_with("_seconds"),
                *kind == Kind::Histogram,
                "{name}"
            );
        }
    }

    #[test]
    fn dimensions_are_labels() {
        for metric in CATALOGUE {
            for dimension in metric.kept_by.iter().copied().flatten() {
                let known = *dimension == SERVICE || metric.labels.contains(dimension);
                assert!(known, "{} has no label {dimension}", metric.name);
            }
            assert!(!metric.labels.contains(&SERVICE), "{}", metric.name);
        }
    }
}
