//! A worker's calls try vendors in the order of the settings, or of their agent.

use model::VendorChoice;
use sim::peer::fault::{Fault, Faults};
use sim::person::Person;
use sim::vendors::elevenlabs;
use sim::vendors::openai::Script;

use crate::conversation::{Vendors, carry_until, heard};

/// How a greeting was spoken, by what the simulated voice saw while the call was on.
#[derive(Debug, PartialEq, Eq)]
enum Spoken {
    OverWebSocket,
    OverHttp,
}

/// With this chain in the settings, this choice of the agent, and a voice that fails as it is told.
async fn greeting(chain: Option<&str>, choice: &[&str], faults: Faults) -> Spoken {
    let mut voice = elevenlabs::Behaviour::new("key");
    voice.faults = faults;
    let vendors = Vendors::with_voice(Script::new(), voice).await;
    let chain = chain.map(|chain| ("TRUNKLINE_TTS_CHAIN", chain));
    let scene = vendors.scene_with(chain.as_slice()).await;
    *scene.control.vendors.lock().unwrap() = VendorChoice {
        voices: choice.iter().map(|name| (*name).to_owned()).collect(),
        ..VendorChoice::default()
    };
    let person: Person = "answers after 1 ring".parse().unwrap();
    let mut carrier = scene.carrier().await;
    let line = carry_until(&person, &mut carrier, |line| heard(line) == ["Hello."]).await;
    assert_eq!(heard(&line), ["Hello."]);
    assert_eq!(vendors.violations(), Vec::<String>::new());
    if vendors.elevenlabs.stats().open > 0 {
        Spoken::OverWebSocket
    } else {
        Spoken::OverHttp
    }
}

#[tokio::test]
async fn the_first_of_the_settings_speaks() {
    let spoken = greeting(None, &[], Faults::none()).await;
    assert_eq!(spoken, Spoken::OverWebSocket);
    let chain = Some("elevenlabs_http,elevenlabs");
    let spoken = greeting(chain, &[], Faults::none()).await;
    assert_eq!(spoken, Spoken::OverHttp);
}

#[tokio::test]
async fn an_agent_s_own_order_comes_before_that_of_the_settings() {
    let choice = ["elevenlabs_http"];
    let spoken = greeting(None, &choice, Faults::none()).await;
    assert_eq!(spoken, Spoken::OverHttp);
    let chain = Some("elevenlabs_http");
    let spoken = greeting(chain, &["elevenlabs"], Faults::none()).await;
    assert_eq!(spoken, Spoken::OverWebSocket);
}

#[tokio::test]
async fn the_second_of_an_agent_s_order_speaks_when_the_first_fails() {
    let choice = ["elevenlabs_http", "elevenlabs"];
    let fails = Faults::none().at(0, Fault::ServerError);
    let spoken = greeting(None, &choice, fails).await;
    assert_eq!(spoken, Spoken::OverWebSocket);
}

#[tokio::test]
async fn a_call_whose_agent_wants_what_a_worker_has_not_is_held_by_others() {
    let spoken = greeting(None, &["parrot"], Faults::none()).await;
    assert_eq!(spoken, Spoken::OverWebSocket);
}
