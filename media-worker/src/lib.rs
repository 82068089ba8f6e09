//! The media worker: phone calls' audio in and out, from the carrier's WebSocket through recogniser,
//! language model and synthesiser and back, a thousand calls to a core.
//!
//! [`Worker`] has a router that runs alone ([`run`]) or inside another process. What a
//! conversation does is decided in `call`; what is stored, in `service`; this crate moves bytes
//! between them in time. It knows the carrier's messages only through `carrier`'s codec and vendors
//! only as `providers`' objects.
//!
//! # What is refused
//!
//! | what comes | answer | counted as |
//! | --- | --- | --- |
//! | no WebSocket handshake | 426 | refused `not_websocket` |
//! | no or a wrong signature | 403 | refused `signature` |
//! | a call beyond capacity, or while stopping | 503 | refused `capacity`, `draining` |
//! | no `connected` and `start` within 5 s | close 1008 | refused `start_timeout` |
//! | other messages before `start`, unreadable ones, other audio, another account, no ids | close 1008 | refused `out_of_order`, `malformed`, `format`, `foreign_account`, `parameters` |
//! | a token that is wrong, used or expired; an unknown call | close 1008 | refused `token` |
//! | the store cannot be asked | close 1011 | refused `store` |
//! | a binary message | close 1003 | refused or stream refused `binary` |
//! | a message over 64 KiB | close 1009 | refused or stream refused `oversized` |
//! | text that is not UTF-8, or no WebSocket frames | close 1007 | refused or stream refused `garbage` |
//! | a second `start` | close 1008 | stream refused `second_start` |
//! | an unreadable message, an unknown event, a foreign stream, track or mark, a repeated or late frame | ignored, the call goes on | ignored, by reason |
//! | more than a hundred of those in one call | close 1008 | stream refused `too_many_bad_messages` |
//!
//! A refused stream of a running call ends as a broken one does: what was said is stored and the call
//! can be resumed.
//!
//! # Metrics
//!
//! | name | kind | what |
//! | --- | --- | --- |
//! | `trunkline_calls_active` | gauge | conversations that are on |
//! | `trunkline_calls_started_total` | counter | sessions opened |
//! | `trunkline_calls_refused_total{reason}` | counter | sockets that did not become a session |
//! | `trunkline_sessions_ended_total{outcome}` | counter | sessions over; without an outcome `handed_over` or `left_to_resume` |
//! | `trunkline_hand_overs_total{result}` | counter | calls of a stopping worker that went to another: `done`; and tries that did not: `not_prepared`, `refused`, `unknown` |
//! | `trunkline_carrier_frames_received_total` | counter | audio messages of the carrier |
//! | `trunkline_carrier_messages_ignored_total{reason}` | counter | messages not taken while the call went on |
//! | `trunkline_carrier_streams_refused_total{reason}` | counter | running streams that were closed for their messages |
//! | `trunkline_caller_audio_lost_milliseconds_total` | counter | caller audio that never came and was replaced by silence |
//! | `trunkline_recognition_messages_sent_total` | counter | audio messages to the recogniser |
//! | `trunkline_carrier_media_sent_total` | counter | audio messages to the carrier |
//! | `trunkline_agent_audio_sent_milliseconds_total` | counter | agent audio in them |
//! | `trunkline_playouts_dropped_total` | counter | times that the carrier did not read and speech was dropped |
//! | `trunkline_playout_underruns_total` | counter | times that the carrier ran out of audio in mid-utterance |
//! | `trunkline_interruptions_total{by}` | counter | times that the caller cut the agent short |
//! | `trunkline_false_interruptions_total` | counter | of those, noise |
//! | `trunkline_backchannels_ignored_total` | counter | acknowledgements that stopped nothing |
//! | `trunkline_stale_dropped_total` | counter | vendors' events for what is not wanted any more |
//! | `trunkline_barge_in_seconds` | histogram | from the wake that brought an interruption to `clear` written |
//! | `trunkline_engine_overhead_seconds` | histogram | our own part of an answer (promise P5) |
//! | `trunkline_voice_to_voice_seconds` | histogram | from the caller's last sound to our first frame out |
//! | `trunkline_vendor_failures_total{vendor,kind}` | counter | failures of vendors and their connections |
//! | `trunkline_vendor_retries_total{leg}` | counter | vendors tried again or replaced: `recognition`, `generation`, `synthesis` |
//! | `trunkline_turns_stored_total` | counter | records of sessions stored |
//! | `trunkline_turn_write_retries_total` | counter | attempts to store that failed |
//! | `trunkline_turns_lost_total` | counter | turns given up because the store stayed away |
//! | `trunkline_speech_cache_hits_total`, `…_misses_total` | counter | greetings and the like found, not found |
//! | `trunkline_speech_cache_bytes` | gauge | memory of the cache of synthesised speech |
//! | `trunkline_session_wakes_total` | counter | polls of session tasks: what scheduling costs |
//! | `trunkline_recordings_total{result}` | counter | recording jobs done, by how |

mod control;
mod ear;
mod fleet;
mod gate;
mod handshake;
mod inbound;
mod leaving;
mod meters;
mod playout;
mod recordings;
mod serve;
mod session;
mod socket;
mod speech;
mod speech_cache;
mod start;
mod successor;
mod timers;
mod tools;
mod turns;
mod worker;

pub use control::Control;
pub use handshake::{Hello, START_WAIT_MAX};
pub use recordings::{COPIES_MAX, QueuedRecordings, RecordingWork, archive_recordings};
pub use serve::{
    check_health, recordings, run, runtime, serve, settings, stop_signal, worker_parts,
};
pub use session::{BAD_MESSAGES_MAX, CARRIER_SILENCE_MAX};
pub use socket::{MESSAGE_BYTES_MAX, SEND_BUFFER_BYTES_MAX};
pub use speech_cache::{CACHE_BYTES_MAX, SPEECH_BYTES_MAX};
pub use successor::READY_PATH;
pub use tools::{TOOL_WAIT_MAX, TOOLS_RUNNING_MAX, Tool, Tools};
pub use turns::{Record, TURNS_WAITING_MAX};
pub use worker::{MEDIA_PATH, Worker, WorkerParts};
