//! The worker's metrics, with handles made once: looking a metric up by name fifty times a second and
//! call would cost more than the rest of a frame. The table of all is `telemetry::CATALOGUE`.

use std::time::Duration;

use conversation::{Failure, Interruption, Observation};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use model::{CallId, Waterfall};
use tokio::time::Instant;

use crate::outages::{Outages, VendorOutage};
use crate::session::turn_writer::Written;

/// What a vendor does for a call, as in metrics.
pub(crate) const RECOGNITION: &str = "recognition";
pub(crate) const GENERATION: &str = "generation";
pub(crate) const SYNTHESIS: &str = "synthesis";

/// How a session ends that handed its call over.
pub(crate) const HANDED_OVER: &str = "handed_over";

/// Handles of everything that is counted often. Made after the recorder is installed, or they count
/// nothing.
pub(crate) struct Meters {
    pub(crate) calls_active: Gauge,
    pub(crate) event_loop_lag: Histogram,
    calls: Gauge,
    saturation: Gauge,
    pub(crate) calls_started: Counter,
    pub(crate) frames_received: Counter,
    pub(crate) audio_lost_bytes: Counter,
    pub(crate) recognition_messages: Counter,
    pub(crate) media_sent: Counter,
    pub(crate) audio_sent_bytes: Counter,
    pub(crate) turns_stored: Counter,
    pub(crate) write_retries: Counter,
    pub(crate) turns_lost: Counter,
    pub(crate) cache_hits: Counter,
    pub(crate) cache_misses: Counter,
    pub(crate) cache_bytes: Gauge,
    pub(crate) playouts_dropped: Counter,
    pub(crate) wakes: Counter,
    barge_in: Histogram,
    engine: Histogram,
    voice_to_voice: Histogram,
    outages: Outages,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            calls_active: gauge!("trunkline_calls_active"),
            event_loop_lag: histogram!("trunkline_event_loop_lag_seconds"),
            calls: gauge!("trunkline_worker_calls"),
            saturation: gauge!("trunkline_worker_saturation_percent"),
            calls_started: counter!("trunkline_calls_started_total"),
            frames_received: counter!("trunkline_carrier_frames_received_total"),
            audio_lost_bytes: counter!("trunkline_customer_audio_lost_bytes_total"),
            recognition_messages: counter!("trunkline_recognition_messages_sent_total"),
            media_sent: counter!("trunkline_carrier_media_sent_total"),
            audio_sent_bytes: counter!("trunkline_agent_audio_sent_bytes_total"),
            turns_stored: counter!("trunkline_turns_stored_total"),
            write_retries: counter!("trunkline_turn_write_retries_total"),
            turns_lost: counter!("trunkline_turns_lost_total"),
            cache_hits: counter!("trunkline_speech_cache_hits_total"),
            cache_misses: counter!("trunkline_speech_cache_misses_total"),
            cache_bytes: gauge!("trunkline_speech_cache_bytes"),
            playouts_dropped: counter!("trunkline_playouts_dropped_total"),
            wakes: counter!("trunkline_session_wakes_total"),
            barge_in: histogram!("trunkline_barge_in_seconds"),
            engine: histogram!("trunkline_engine_overhead_seconds"),
            voice_to_voice: histogram!("trunkline_voice_to_voice_seconds"),
            outages: Outages::default(),
        }
    }

    /// How many calls the worker holds of those that it may.
    pub(crate) fn held(&self, calls: usize, calls_max: usize) {
        let calls = u32::try_from(calls).map_or(f64::MAX, f64::from);
        let calls_max = u32::try_from(calls_max.max(1)).map_or(f64::MAX, f64::from);
        self.calls.set(calls);
        self.saturation.set(100.0 * calls / calls_max);
    }

    /// A call was turned away, before or after its socket was upgraded.
    pub(crate) fn refused(reason: &'static str) {
        counter!("trunkline_calls_refused_total", "reason" => reason).increment(1);
    }

    /// A message of the carrier was not taken, and the call goes on.
    pub(crate) fn message_ignored(reason: &'static str) {
        counter!("trunkline_carrier_messages_ignored_total", "reason" => reason).increment(1);
    }

    /// A running call's socket was closed because of what came through it.
    pub(crate) fn stream_refused(reason: &'static str) {
        counter!("trunkline_carrier_streams_refused_total", "reason" => reason).increment(1);
    }

    /// Nothing is heard of one side of a call.
    pub(crate) fn one_way_audio() {
        counter!("trunkline_lines_flagged_total", "kind" => "one_way_audio").increment(1);
    }

    /// The line of a call is bad.
    pub(crate) fn bad_line() {
        counter!("trunkline_lines_flagged_total", "kind" => "bad_line").increment(1);
    }

    /// A session ended; without an outcome the call goes on elsewhere.
    pub(crate) fn ended(outcome: &'static str) {
        if outcome == HANDED_OVER {
            counter!("trunkline_hand_overs_total", "result" => "done").increment(1);
        }
        counter!("trunkline_sessions_ended_total", "outcome" => outcome).increment(1);
    }

    pub(crate) fn vendor_failed(&self, leg: &'static str, failure: &Failure, call: CallId) {
        self.outages.failed(leg, failure, call, Instant::now());
        counter!(
            "trunkline_vendor_failures_total",
            "vendor" => failure.vendor.clone(),
            "leg" => leg,
            "kind" => failure.kind.code(),
        )
        .increment(1);
    }

    /// A vendor did what it was asked. Costs nothing while none fails.
    pub(crate) fn vendor_works(&self, leg: &'static str, vendor: &'static str) {
        self.outages.works(leg, vendor, Instant::now());
    }

    /// Vendors that fail just now.
    pub(crate) fn outages(&self) -> Vec<VendorOutage> {
        self.outages.open()
    }

    pub(crate) fn recording(result: &'static str) {
        counter!("trunkline_recordings_total", "result" => result).increment(1);
    }

    /// From the moment we were woken with what interrupted the agent until the carrier's `clear` was
    /// with the operating system.
    pub(crate) fn barge_in(&self, took: Duration) {
        self.barge_in.record(took);
    }

    pub(crate) fn written(&self, written: Written) {
        match written {
            Written::Stored => self.turns_stored.increment(1),
            Written::Retrying => self.write_retries.increment(1),
            Written::OptedOut => counter!("trunkline_opt_outs_total").increment(1),
            Written::Superseded => {}
        }
    }

    /// An answer is over.
    pub(crate) fn answered(&self, answer: &Waterfall) {
        if let Some(micros) = answer.voice_to_voice_micros() {
            self.voice_to_voice.record(Duration::from_micros(micros));
            self.engine
                .record(Duration::from_micros(answer.engine_micros()));
        }
    }

    pub(crate) fn observed(observation: Observation) {
        match observation {
            Observation::Interrupted(by) => {
                let by = match by {
                    Interruption::SpeechStarted => "speech_started",
                    Interruption::Words => "words",
                    Interruption::Key => "key",
                };
                counter!("trunkline_interruptions_total", "by" => by).increment(1);
            }
            Observation::FalseInterruption => {
                counter!("trunkline_false_interruptions_total").increment(1);
            }
            Observation::BackchannelIgnored => {
                counter!("trunkline_backchannels_ignored_total").increment(1);
            }
            Observation::Underrun => counter!("trunkline_playout_underruns_total").increment(1),
            Observation::StaleDropped => counter!("trunkline_stale_dropped_total").increment(1),
            Observation::RecognitionRetried => Self::retried("recognition"),
            Observation::GenerationRetried => Self::retried("generation"),
            Observation::SynthesisRetried => Self::retried("synthesis"),
        }
    }

    fn retried(leg: &'static str) {
        counter!("trunkline_vendor_retries_total", "leg" => leg).increment(1);
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
