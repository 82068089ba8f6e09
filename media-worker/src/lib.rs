//! The media worker: phone calls' audio in and out, from the carrier's WebSocket through recognizer,
//! language model and synthesiser and back, a thousand calls to a core.
//!
//! [`Worker`] has a router that runs alone ([`run`]) or inside another process. What a
//! conversation does is decided in `conversation`; what is stored, in `service`; this crate moves bytes
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
//! `telemetry::CATALOGUE` has them all. Alone it writes them among its logs too (`fleet`).

mod admission;
mod carrier_leg;
mod handover;
mod meters;
mod outages;
mod process;
mod recordings;
mod session;
mod stt_leg;
mod timers;
mod tts_leg;

pub use admission::NoRoom;
pub use carrier_leg::handshake::{Hello, START_WAIT_MAX, media_path};
pub use carrier_leg::socket::{MESSAGE_BYTES_MAX, SEND_BUFFER_BYTES_MAX};
pub use handover::readiness::READY_PATH;
pub use outages::VendorOutage;
pub use process::fleet::{enlist, leave, stay_enlisted};
pub use process::serve::{
    check_health, recordings, run, runtime, serve, settings, stop_signal, worker_parts,
};
pub use process::worker::{Worker, WorkerParts};
pub use recordings::{COPIES_MAX, QueuedRecordings, RecordingWork, keep_recordings};
pub use session::control::Control;
pub use session::tools::{TOOL_WAIT_MAX, TOOLS_RUNNING_MAX, Tool, Tools};
pub use session::turn_writer::{Record, TURNS_WAITING_MAX};
pub use session::{BAD_MESSAGES_MAX, CARRIER_SILENCE_MAX};
pub use tts_leg::speech_cache::{CACHE_BYTES_MAX, SPEECH_BYTES_MAX};
