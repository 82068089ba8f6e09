//! What we say to phone carriers and what they say to us.
//!
//! One module per carrier. In each, the codec (media messages, webhook forms, call instructions,
//! signatures) is pure and apart from the client, which does the network. Nothing here knows
//! tenants, tables or conversations: customers hand in URLs that carry our ids and get back typed
//! facts. The facts about the wire are in `docs/protocols/twilio-voice.md` and
//! `docs/protocols/twilio-media-streams.md`.

pub mod twilio;
