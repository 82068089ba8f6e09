//! A vendor's death is an event: the call goes on by the next vendor in the chain (promise P7).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use model::{Outcome, Speaker};
use settings::{Secret, Settings};
use sim::peer::fault::{Fault, Faults};
use sim::vendors::openai::Script;
use sim::vendors::{deepgram, elevenlabs, openai};
use url::Url;

use super::hearing::{assert_heard, assert_none_missing};
use super::{Installation, said_by, words};

const KEY: &str = "vendor-key-0123456789";
/// What the person at this number says, all of it.
const PATIENT: &str = "+14155550101";
const PATIENT_SAYS: &str = "Yes, I can make it. Is there any parking? No, thank you. Goodbye.";

#[tokio::test(flavor = "multi_thread")]
async fn a_recognizer_that_breaks_off_hears_the_unfinished_words_again() {
    let mut behaviour = deepgram::Behaviour::new(KEY);
    behaviour.faults = Faults::none().at(0, Fault::CutAfter { messages: 2 });
    let listen = loopback();
    let vendor = deepgram::Server::start(deepgram::Config { listen, behaviour })
        .await
        .unwrap();
    let here = Installation::start_with(|settings: &mut Settings| {
        settings.deepgram.simulated = false;
        settings.deepgram.api_key = Some(Secret::new(KEY.to_owned()));
        settings.deepgram.base_url = Url::parse(&vendor.url()).unwrap();
    })
    .await;
    let id = here.call(PATIENT).await;
    let call = here.ended(id).await;
    assert_eq!(call.outcome, Some(Outcome::AgentEnded), "{call:#?}");
    assert_eq!(
        words(&said_by(&call, Speaker::Customer).join(" ")),
        words(PATIENT_SAYS)
    );
    assert!(vendor.stats().requests >= 2, "it connected again");
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_once_is_asked_again() {
    let mut behaviour = openai::Behaviour::new(KEY, Arc::new(Script::dental_reminder()));
    behaviour.faults = Faults::none()
        .at(0, Fault::ServerError)
        .at(2, Fault::CutAfter { messages: 0 });
    let listen = loopback();
    let vendor = openai::Server::start(openai::Config { listen, behaviour })
        .await
        .unwrap();
    let here = Installation::start_with(|settings: &mut Settings| {
        settings.openai.simulated = false;
        settings.openai.api_key = Some(Secret::new(KEY.to_owned()));
        settings.openai.base_url = Url::parse(&vendor.url()).unwrap();
    })
    .await;
    let id = here.call(PATIENT).await;
    let call = here.ended(id).await;
    assert_eq!(call.outcome, Some(Outcome::AgentEnded), "{call:#?}");
    let transcript = said_by(&call, Speaker::Agent).join(" ");
    assert_heard(&here.at_the_phone(&call).await, &transcript);
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_whose_socket_dies_goes_on_over_http() {
    let mut behaviour = elevenlabs::Behaviour::new(KEY);
    // Every socket dies after some audio; what is asked over HTTP comes after them.
    behaviour.faults = Faults::none()
        .at(0, Fault::CutAfter { messages: 3 })
        .at(1, Fault::RefuseConnect);
    let listen = loopback();
    let vendor = elevenlabs::Server::start(elevenlabs::Config { listen, behaviour })
        .await
        .unwrap();
    let here = Installation::start_with(|settings: &mut Settings| {
        settings.elevenlabs.simulated = false;
        settings.elevenlabs.api_key = Some(Secret::new(KEY.to_owned()));
        settings.elevenlabs.voice_id = Some("voice".to_owned());
        settings.elevenlabs.base_url = Url::parse(&vendor.url()).unwrap();
    })
    .await;
    let id = here.call(PATIENT).await;
    let call = here.ended(id).await;
    assert_eq!(call.outcome, Some(Outcome::AgentEnded), "{call:#?}");
    let transcript = said_by(&call, Speaker::Agent).join(" ");
    // Where a voice died in mid-sentence, words may have been said again: none may be missing.
    assert_none_missing(&here.at_the_phone(&call).await, &transcript);
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_any_voice_ends_as_the_vendors_doing() {
    let mut behaviour = elevenlabs::Behaviour::new(KEY);
    behaviour.faults = Faults::none().randomly(1, 1_000, &[Fault::ServerError]);
    let listen = loopback();
    let vendor = elevenlabs::Server::start(elevenlabs::Config { listen, behaviour })
        .await
        .unwrap();
    let here = Installation::start_with(|settings: &mut Settings| {
        settings.elevenlabs.simulated = false;
        settings.elevenlabs.api_key = Some(Secret::new(KEY.to_owned()));
        settings.elevenlabs.voice_id = Some("voice".to_owned());
        settings.elevenlabs.base_url = Url::parse(&vendor.url()).unwrap();
    })
    .await;
    let id = here.call(PATIENT).await;
    let call = here.ended(id).await;
    assert_eq!(call.outcome, Some(Outcome::VendorFailed), "{call:#?}");
    here.finish().await;
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
