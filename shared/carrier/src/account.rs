//! An account at a carrier, and its phone numbers.

use model::PhoneNumber;
use url::Url;

use crate::call::CarrierNumberId;

/// The account as the carrier knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarrierAccount {
    /// `None` for a word that we do not know.
    pub state: Option<AccountState>,
    /// Only numbers that the account has verified can be called.
    pub is_trial: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    Active,
    Suspended,
    Closed,
}

/// A phone number of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierNumber {
    pub id: CarrierNumberId,
    pub number: PhoneNumber,
    /// Who is asked what to do with a call to it.
    pub voice: Voice,
}

/// Who is asked what to do with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voice {
    /// Nobody: the call is not answered.
    Nobody,
    Url {
        url: String,
        by_post: bool,
    },
    /// An application of the account, whatever address is set besides.
    Application,
    /// A SIP trunk of the account, whatever address is set besides.
    Trunk,
    /// The number takes no calls at all.
    Incapable,
}

/// What a person can have the carrier do about a number, by a request of the carrier's own.
#[derive(Debug, Clone, Copy)]
pub enum NumberWish<'a> {
    /// Calls to the number ask this address what to do.
    PointAt(&'a CarrierNumber, &'a Url),
    /// The account gets the number; calls to it ask this address.
    Buy(&'a PhoneNumber, Option<&'a Url>),
}

/// A request that a person can make by hand: POST of a form, as the account with its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRequest {
    pub url: Url,
    pub form: Vec<(&'static str, String)>,
}
