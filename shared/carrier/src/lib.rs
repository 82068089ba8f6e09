//! The carriers: what we say to them and what they say to us.
//!
//! [`Carrier`] is the port: what the product asks of every carrier, in types that know none of them.
//! [`carriers`] is the one table that names them. Each carrier has a folder of its own that implements the
//! port; in it the codec (media messages, webhook forms, call instructions, signatures) is pure and apart
//! from the client, which does the network.
//!
//! Nothing here knows tenants, tables or conversations: who asks hands in URLs that carry our ids and gets
//! back typed facts. What is relied on of each wire is in `docs/protocols/`.

pub mod account;
pub mod call;
pub mod capability;
pub mod carriers;
pub mod connection;
pub mod error;
pub mod instructions;
pub mod media;
pub mod port;
pub mod recording;
pub mod report;
pub mod twilio;

pub use call::{CallStatus, CarrierCallId, CarrierRecordingId};
pub use capability::{Capabilities, Capability};
pub use carriers::CarrierName;
pub use connection::{Connection, Signatures};
pub use error::{CreateError, RefusalKind, RequestError};
pub use instructions::Instructions;
pub use port::Carrier;
