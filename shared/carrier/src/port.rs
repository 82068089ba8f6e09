//! The port: what the product asks of every carrier.
//!
//! A carrier without a capability refuses what needs it by the capability's name, and sends nothing: so do the
//! provided methods here, and [`Capabilities::allow`] for a call that is to be placed.

use std::fmt;
use std::future::ready;

use model::PhoneNumber;
use url::Url;

use crate::account::{CarrierAccount, CarrierNumber, FormRequest, NumberWish};
use crate::call::{
    CarrierCall, CarrierCallId, CarrierRecordingId, CreateCall, FindCalls, Listed, ListedPage,
    RecordCall,
};
use crate::capability::{Capabilities, Capability};
use crate::carriers::CarrierName;
use crate::error::{Answer, CreateError, RequestError};
use crate::instructions::Instructions;
use crate::media::MediaCodec;
use crate::recording::{CarrierRecording, Channels, RecordingMedia};

/// One account at a carrier, for whoever places, follows and ends calls.
///
/// What may be repeated is repeated inside, a bounded number of times; what may not, never is. No phone
/// number and no text of the carrier's is in an error.
pub trait Carrier: fmt::Debug + Send + Sync {
    /// Which carrier it is.
    fn name(&self) -> CarrierName;

    fn capabilities(&self) -> Capabilities;

    /// The account that it speaks as: what streams must be of, and what shares one row of calls.
    fn account_id(&self) -> &str;

    /// How messages of its media sockets are written.
    fn media(&self) -> &'static dyn MediaCodec;

    /// Asks the carrier to place a call: one request, never repeated.
    ///
    /// The error [`CreateError::Unknown`] means that the call may be under way; every other one means
    /// that the carrier certainly did not take it.
    fn place<'a>(&'a self, call: &'a CreateCall) -> Answer<'a, CarrierCall, CreateError>;

    fn fetch_call<'a>(&'a self, call: &'a CarrierCallId) -> Answer<'a, CarrierCall>;

    /// Calls that the conditions hold for, newest first.
    fn find_calls<'a>(&'a self, find: &'a FindCalls) -> Answer<'a, Listed<CarrierCall>>;

    /// Hangs up, whatever the call's state. Saying it twice changes nothing; a call that is over is
    /// refused as [`crate::RefusalKind::NotInState`].
    fn hang_up<'a>(&'a self, call: &'a CarrierCallId) -> Answer<'a, CarrierCall>;

    /// Ends the call only if nobody answered yet.
    fn cancel<'a>(&'a self, call: &'a CarrierCallId) -> Answer<'a, CarrierCall>;

    /// Replaces what a live call does; its media stream ends. Only repeated when the carrier certainly
    /// did not do it.
    fn redirect<'a>(
        &'a self,
        _call: &'a CarrierCallId,
        _to: &'a Instructions,
    ) -> Answer<'a, CarrierCall> {
        lacks(Capability::Redirect)
    }

    /// Records a live call from now on, until its end. Only repeated when the carrier certainly did not do it: whoever
    /// does not know looks with [`Self::list_recordings`] first.
    fn begin_recording<'a>(
        &'a self,
        _call: &'a CarrierCallId,
        _order: &'a RecordCall,
    ) -> Answer<'a, CarrierRecording> {
        lacks(Capability::Recording)
    }

    /// What the carrier knows of a recording.
    fn fetch_recording<'a>(&'a self, _id: &'a CarrierRecordingId) -> Answer<'a, CarrierRecording> {
        lacks(Capability::Recording)
    }

    /// The recordings of one call.
    fn list_recordings<'a>(
        &'a self,
        _call: &'a CarrierCallId,
    ) -> Answer<'a, Listed<CarrierRecording>> {
        lacks(Capability::Recording)
    }

    /// A page of all recordings of the account, whoever had them made, the newest first: the first one, or the one
    /// after a page, by that one's [`ListedPage::next`].
    fn list_account_recordings<'a>(
        &'a self,
        _after: Option<&'a str>,
    ) -> Answer<'a, ListedPage<CarrierRecording>> {
        lacks(Capability::Recording)
    }

    /// Begins to fetch a recording as WAV. Before it is complete it is not found.
    fn recording_media<'a>(
        &'a self,
        _id: &'a CarrierRecordingId,
        _channels: Channels,
    ) -> Answer<'a, RecordingMedia> {
        lacks(Capability::Recording)
    }

    /// Deletes a recording at the carrier. One that is already gone is no error.
    fn delete_recording<'a>(&'a self, _id: &'a CarrierRecordingId) -> Answer<'a, ()> {
        lacks(Capability::Recording)
    }

    fn fetch_account(&self) -> Answer<'_, CarrierAccount>;

    /// The account's phone numbers that can be called.
    fn list_numbers(&self) -> Answer<'_, Listed<CarrierNumber>>;

    /// Numbers elsewhere that calls may be made from, because their owner verified them.
    fn list_caller_ids(&self) -> Answer<'_, Listed<PhoneNumber>>;

    /// Has calls to a number of the account ask this address what to do, by POST.
    fn set_voice_url<'a>(
        &'a self,
        number: &'a CarrierNumber,
        voice_url: &'a Url,
    ) -> Answer<'a, CarrierNumber>;

    /// The request with which a person fulfils the wish by hand. `None` where the carrier has none such.
    fn by_hand(&self, wish: NumberWish<'_>) -> Option<FormRequest>;
}

fn lacks<'a, T: Send + 'a>(capability: Capability) -> Answer<'a, T> {
    Box::pin(ready(Err(RequestError::Unsupported(capability))))
}

#[cfg(test)]
mod tests;
