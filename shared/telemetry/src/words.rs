//! The words that labels can have, so that every counter stands at 0 when a process starts.
//!
//! Prometheus sees a rate between two values. A counter that comes into being with its first event has only
//! one, and the first call that is dropped would show nowhere. Vendors' counters are not here: `providers`
//! starts them, because it knows which vendors there are. A test of `tests/it/tidy` holds every list to the
//! code that counts.

/// A counter, and for each of its labels, in order, every word that it can have.
type Closed = (
    &'static str,
    &'static [(&'static str, &'static [&'static str])],
);

/// Series of one label set each, as they are told to Prometheus.
pub(crate) type Labels = Vec<(&'static str, &'static str)>;

/// Counters whose labels have words of an open list: the API's problems, and what is known of a vendor.
pub const OPEN: &[&str] = &[
    "trunkline_api_problems_total",
    "trunkline_vendor_requests_total",
    "trunkline_vendor_failures_total",
    "trunkline_vendor_messages_ignored_total",
    "trunkline_vendor_garbage_total",
];

/// Every other counter that has labels.
pub const CLOSED: &[Closed] = &[
    (
        "trunkline_call_requests_refused_total",
        &[("reason", &["no_free_line"])],
    ),
    (
        "trunkline_dials_turned_back_total",
        &[(
            "rule",
            &[
                "not_callable",
                "suppressed",
                "consent",
                "zone_unknown",
                "campaign_window",
                "legal_hours",
                "holiday",
                "blocked_day",
                "frequency_cap",
                "minimum_gap",
                "attempts",
                "not_due",
                "campaign_state",
                "alternate_numbers",
                "number_busy",
                "campaign_concurrency",
                "tenant_concurrency",
                "account_concurrency",
                "no_worker",
                "pacing",
                "ramp",
                "circuit_breaker",
                "our_number",
                "fair_share",
                "none",
            ],
        )],
    ),
    (
        "trunkline_waits_for_worker_total",
        &[("who", &["call", "customer", "leads"])],
    ),
    (
        "trunkline_carrier_create_failures_total",
        &[(
            "kind",
            &[
                "unsupported",
                "invalid",
                "not_sent",
                "rate_limited",
                "unknown",
                "credentials",
                "forbidden",
                "not_found",
                "to_invalid",
                "to_unreachable",
                "from_refused",
                "country_not_permitted",
                "blocked",
                "trial_unverified",
                "concurrency_limit",
                "queue_full",
                "not_in_state",
                "other",
            ],
        )],
    ),
    (
        "trunkline_inbound_calls_rejected_total",
        &[(
            "reason",
            &[
                "unknown_number",
                "number_archived",
                "no_agent",
                "agent_unfit",
                "missing_variables",
                "no_customer",
            ],
        )],
    ),
    (
        "trunkline_calls_ended_total",
        &[(
            "outcome",
            &[
                "agent_ended",
                "customer_hung_up",
                "customer_silent",
                "busy",
                "no_answer",
                "voicemail",
                "voicemail_left",
                "fax",
                "opted_out",
                "screened",
                "number_unreachable",
                "carrier_refused",
                "carrier_rate_limited",
                "carrier_unconfirmed",
                "carrier_failed",
                "stream_lost",
                "vendor_failed",
                "no_capacity",
                "worker_lost",
                "platform_failed",
                "duration_limit",
                "cancelled",
                "hung_up_by_user",
                "not_permitted",
                "campaign_stopped",
                "rejected",
            ],
        )],
    ),
    (
        "trunkline_calls_dropped_total",
        &[(
            "reason",
            &[
                "vendor_failed",
                "no_capacity",
                "worker_lost",
                "platform_failed",
            ],
        )],
    ),
    (
        "trunkline_calls_unheard_total",
        &[("state", &["missing", "heard"])],
    ),
    (
        "trunkline_slots_healed_total",
        &[("reason", &["not_held", "call_over"])],
    ),
    (
        "trunkline_webhooks_refused_total",
        &[(
            "code",
            &[
                "form_too_long",
                "form_too_many_fields",
                "form_field_missing",
                "form_field_invalid",
                "form_field_ambiguous",
                "signature_refused",
                "carrier_unknown",
                "call_unknown",
                "call_mismatch",
                "unavailable",
            ],
        )],
    ),
    (
        "trunkline_dial_messages_total",
        &[("result", &["done", "again", "unreadable"])],
    ),
    (
        "trunkline_import_messages_total",
        &[("result", &["done", "again", "unreadable"])],
    ),
    (
        "trunkline_planner_steps_total",
        &[
            ("by", &["tick", "event", "wake"]),
            ("result", &["busy", "nothing", "claimed", "failed"]),
        ],
    ),
    (
        "trunkline_aws_failures_total",
        &[
            ("target", &["dynamodb", "sqs", "s3"]),
            ("kind", &["throttled", "server", "timeout", "connect"]),
        ],
    ),
    (
        "trunkline_aws_throttles_total",
        &[("target", &["dynamodb", "sqs", "s3"])],
    ),
    (
        "trunkline_calls_refused_total",
        &[(
            "reason",
            &[
                "not_websocket",
                "signature",
                "capacity",
                "draining",
                "upgrade",
                "start_timeout",
                "gone",
                "binary",
                "oversized",
                "garbage",
                "malformed",
                "out_of_order",
                "format",
                "foreign_account",
                "parameters",
                "token",
                "store",
            ],
        )],
    ),
    (
        "trunkline_sessions_ended_total",
        &[(
            "outcome",
            &[
                "agent_ended",
                "customer_hung_up",
                "customer_silent",
                "busy",
                "no_answer",
                "voicemail",
                "voicemail_left",
                "fax",
                "opted_out",
                "screened",
                "number_unreachable",
                "carrier_refused",
                "carrier_rate_limited",
                "carrier_unconfirmed",
                "carrier_failed",
                "stream_lost",
                "vendor_failed",
                "no_capacity",
                "worker_lost",
                "platform_failed",
                "duration_limit",
                "cancelled",
                "hung_up_by_user",
                "not_permitted",
                "campaign_stopped",
                "rejected",
                "handed_over",
                "left_to_resume",
            ],
        )],
    ),
    (
        "trunkline_hand_overs_total",
        &[("result", &["done", "not_prepared", "refused", "unknown"])],
    ),
    (
        "trunkline_carrier_messages_ignored_total",
        &[(
            "reason",
            &[
                "too_long",
                "not_json",
                "no_event",
                "missing_field",
                "invalid_field",
                "not_base64",
                "unknown_event",
                "foreign_stream",
                "foreign_track",
                "foreign_mark",
                "second_connected",
                "duplicate",
                "out_of_order",
            ],
        )],
    ),
    (
        "trunkline_carrier_streams_refused_total",
        &[(
            "reason",
            &[
                "binary",
                "oversized",
                "garbage",
                "second_start",
                "too_many_bad_messages",
            ],
        )],
    ),
    (
        "trunkline_lines_flagged_total",
        &[("kind", &["one_way_audio", "bad_line"])],
    ),
    (
        "trunkline_interruptions_total",
        &[("by", &["speech_started", "words", "key"])],
    ),
    (
        "trunkline_recordings_total",
        &[(
            "result",
            &[
                "kept",
                "kept_before",
                "nothing",
                "unreadable",
                "malformed",
                "fetch",
                "delete",
                "mismatch",
                "short",
                "empty",
                "bucket",
                "record",
            ],
        )],
    ),
    (
        "trunkline_recordings_missing_total",
        &[("result", &["found", "absent", "given_up"])],
    ),
    (
        "trunkline_recordings_reconciled_total",
        &[(
            "result",
            &["deleted", "queued", "not_deleted", "deleted_by_id"],
        )],
    ),
    (
        "trunkline_vendor_retries_total",
        &[("leg", &["recognition", "generation", "synthesis"])],
    ),
];

/// Every label set that the counter can have: one without labels for a counter that has none, nothing for one
/// of [`OPEN`].
pub(crate) fn label_sets(counter: &str) -> Vec<Labels> {
    if OPEN.contains(&counter) {
        return vec![];
    }
    let labels = CLOSED.iter().find(|(name, _)| *name == counter);
    let labels = labels.map_or(&[][..], |(_, labels)| labels);
    labels.iter().fold(vec![vec![]], |sets, (label, words)| {
        let with = |set: Labels| {
            words.iter().map(move |word| {
                let mut set = set.clone();
                set.push((*label, *word));
                set
            })
        };
        sets.into_iter().flat_map(with).collect()
    })
}
