//! What the product asks of every carrier: each implementation of the port, held to the same suite against
//! its simulated far side.
//!
//! A next carrier implements [`Subject`] and adds one line of `conforms!`.

mod receiver;
mod suite;
mod twilio;

use std::time::Duration;

use carrier::{CarrierCallId, CarrierRecordingId, Connection};

/// A far side that plays a carrier, and our account at it.
trait Subject: Sized {
    /// Everybody who is called behaves so; see `sim::person`.
    async fn start(person: &str) -> Self;

    /// Our account at it.
    fn connection(&self) -> Connection;

    /// Somebody with our account's name and another secret.
    fn intruder(&self) -> Connection;

    /// The next request goes wrong so.
    fn next_request(&self, fails: Fails);

    /// Another program of our account has a recording made. Answers its id.
    fn records_elsewhere(&self) -> CarrierRecordingId;

    /// What the person heard of a call that is over.
    async fn heard(&self, call: &CarrierCallId) -> String;

    /// Waits until everything was told.
    async fn settled(&self);

    /// What a real carrier would have refused.
    fn complaints(&self) -> Vec<String>;
}

/// How a request goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fails {
    /// It is done, and its answer is lost.
    AnswerLost,
    /// It is not done: there were too many.
    TooMany,
}

const SOON: Duration = Duration::from_secs(20);

macro_rules! conforms {
    ($carrier:ident: $subject:ty) => {
        mod $carrier {
            use super::*;

            #[tokio::test]
            async fn a_call_is_placed_followed_and_recorded() {
                suite::a_call_is_placed_followed_and_recorded::<$subject>().await;
            }

            #[tokio::test]
            async fn an_error_says_whether_the_call_is_under_way() {
                suite::an_error_says_whether_the_call_is_under_way::<$subject>().await;
            }

            #[tokio::test]
            async fn a_call_can_be_ended_at_any_time_and_only_once() {
                suite::a_call_can_be_ended_at_any_time_and_only_once::<$subject>().await;
            }

            #[tokio::test]
            async fn a_key_is_heard_while_the_carrier_speaks_and_waits() {
                suite::a_key_is_heard_while_the_carrier_speaks_and_waits::<$subject>().await;
            }

            #[tokio::test]
            async fn all_recordings_of_the_account_are_read_page_by_page() {
                suite::all_recordings_of_the_account_are_read_page_by_page::<$subject>().await;
            }

            #[tokio::test]
            async fn what_the_carrier_did_not_sign_is_not_believed() {
                suite::what_the_carrier_did_not_sign_is_not_believed::<$subject>().await;
            }

            #[tokio::test]
            async fn what_a_carrier_lacks_is_refused_by_name_and_nothing_is_sent() {
                suite::what_a_carrier_lacks_is_refused_by_name_and_nothing_is_sent::<$subject>()
                    .await;
            }
        }
    };
}

mod conformance {
    use super::*;

    conforms!(twilio_account: twilio::Simulated);
    conforms!(twilio_shared_key: twilio::SigningBySha256);
}
