//! What a media worker needs of the control plane: opening a session with a one-use token, storing
//! turns as they end, and the outcome.

use model::{CallId, CallSnapshot, Outcome, TenantId, TokenId, Turn};

/// What a media socket says of itself in its `start` message.
#[derive(Debug, Clone, Copy)]
pub struct Hello<'a> {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    /// Good for one session.
    pub token: TokenId,
    /// The carrier's id of this stream.
    pub stream_id: &'a str,
    /// The carrier's id of the call.
    pub carrier_call_id: &'a str,
}

/// Which session of which call: handed back with everything that is stored of it. What an older
/// session still writes after the call was resumed elsewhere is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKey {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    /// From 1; rises with each session of the call.
    pub session: u32,
    pub carrier_call_id: String,
}

/// An opened session.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaSession {
    pub key: SessionKey,
    pub snapshot: CallSnapshot,
    /// The turns stored by earlier sessions of the call, in order; empty unless it is resumed.
    pub history: Vec<Turn>,
}

/// Why a session was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such call, a token that is wrong or used, or another carrier call than the token was made
    /// for: the same answer for all, so that nothing can be probed.
    #[error("the token does not open a session")]
    Refused,
    #[error("the session could not be opened")]
    Store(#[source] MediaError),
}

/// Why something of a session could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Another session of the call was opened since, or another turn has this place: what this
    /// session still has to say of the call is not wanted.
    #[error("the session is not the call's current one")]
    Superseded,
    /// Worth trying again.
    #[error("the table cannot be reached")]
    Unavailable,
}

/// The use cases of a media session.
#[derive(Debug, Clone)]
pub struct Media {}

impl Media {
    /// Consumes the token and reads the call's snapshot: one request to the table for a first
    /// session, one more for the history of a resumed one.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(&self, hello: &Hello<'_>) -> Result<MediaSession, OpenError> {
        let _ = hello;
        std::future::ready(Err(OpenError::Refused)).await
    }

    /// Notes on the call that its session runs (the call is answered, by this carrier call). Not
    /// needed before the first word: the session runs it behind, before any other write of its own.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn opened(&self, session: &SessionKey) -> Result<(), MediaError> {
        let _ = session;
        std::future::ready(Err(MediaError::Unavailable)).await
    }

    /// Stores a turn with its event. Storing the same turn again changes nothing.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn store_turn(&self, session: &SessionKey, turn: &Turn) -> Result<(), MediaError> {
        let _ = (session, turn);
        std::future::ready(Err(MediaError::Unavailable)).await
    }

    /// Ends the session. With an outcome the call is over and the outcome stands (unless a final one
    /// stood before); write it before the socket is closed, so that the carrier's next request hangs
    /// up. Without one the call is left to be resumed by another session.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn close(
        &self,
        session: &SessionKey,
        outcome: Option<Outcome>,
    ) -> Result<(), MediaError> {
        let _ = (session, outcome);
        std::future::ready(Err(MediaError::Unavailable)).await
    }

    /// Asks the carrier to end the call: only for a session whose socket is already gone. A call
    /// that the carrier has already ended is fine.
    ///
    /// # Errors
    /// [`MediaError::Unavailable`] when the carrier cannot be asked.
    pub async fn hang_up(&self, session: &SessionKey) -> Result<(), MediaError> {
        let _ = session;
        std::future::ready(Err(MediaError::Unavailable)).await
    }
}
