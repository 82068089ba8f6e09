//! The table and the settings speak of the same vendors, and chains are what settings say.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::from_variables(&pairs.collect::<BTreeMap<_, _>>()).unwrap()
}

#[test]
fn every_name_of_a_chain_has_a_row_and_every_row_a_name() {
    for role in VendorRole::ALL {
        let legs = VENDORS.iter().flat_map(|vendor| vendor.legs);
        let legs = legs.filter(|leg| leg.client.role() == role);
        let rows: Vec<_> = legs.map(|leg| leg.name).collect();
        assert_eq!(rows, role.names().collect::<Vec<_>>());
    }
    let names: BTreeSet<_> = VENDORS.iter().map(|vendor| vendor.name).collect();
    assert_eq!(names.len(), VENDORS.len());
}

#[test]
fn the_settings_of_a_row_are_the_vendor_s_own() {
    let names = Settings::names();
    for vendor in &VENDORS {
        let nothing = settings(&[]);
        let variables = (vendor.settings)(&nothing).variables();
        let mut own: BTreeSet<_> = names.clone();
        own.retain(|name| name.starts_with(vendor.prefix));
        let told = variables.iter().map(|(name, _value)| *name);
        assert_eq!(told.collect::<BTreeSet<_>>(), own, "{}", vendor.name);
        assert!(own.contains(vendor.key) && own.contains(vendor.wanted.0));
        // Reading and writing are of the same vendor.
        let mut simulated = settings(&[]);
        let at = "http://127.0.0.1:9/".parse().unwrap();
        let key = settings::Secret::new("key".to_owned());
        (vendor.settings_mut)(&mut simulated).simulate(at, key);
        let read = (vendor.settings)(&simulated);
        assert_eq!(read.base_url.as_str(), "http://127.0.0.1:9/");
        assert!(vendor.is_set_up(&simulated) && !vendor.is_set_up(&nothing));
    }
}

#[test]
fn chains_are_in_the_order_of_the_settings() {
    let voices = |pairs: &[(&str, &str)]| {
        let voices = Synthesizers::new(&settings(pairs)).unwrap();
        let routes = 0..voices.routes();
        routes.map(|route| voices.name(route)).collect::<Vec<_>>()
    };
    assert_eq!(voices(&[]), ["elevenlabs", "elevenlabs_http"]);
    let chosen = [("TRUNKLINE_TTS_CHAIN", "elevenlabs_http,elevenlabs")];
    assert_eq!(voices(&chosen), ["elevenlabs_http", "elevenlabs"]);
    let one = [("TRUNKLINE_TTS_CHAIN", "elevenlabs_http")];
    assert_eq!(voices(&one), ["elevenlabs_http"]);
}

#[test]
fn an_agent_chooses_from_what_is_set_up_besides_the_chain() {
    let wanted = ["elevenlabs", "elevenlabs_http"].map(str::to_owned);
    let names = |pairs: &[(&str, &str)]| {
        let voices = Synthesizers::new(&settings(pairs)).unwrap();
        let voices = voices.in_order(&wanted);
        let routes = 0..voices.routes();
        routes.map(|route| voices.name(route)).collect::<Vec<_>>()
    };
    let chain = ("TRUNKLINE_TTS_CHAIN", "elevenlabs_http");
    assert_eq!(names(&[chain]), ["elevenlabs_http"]);
    let account = [("ELEVENLABS_API_KEY", "k"), ("ELEVENLABS_VOICE_ID", "v")];
    let set_up = [chain, account[0], account[1]];
    assert_eq!(names(&set_up), ["elevenlabs", "elevenlabs_http"]);
}

#[test]
fn a_vendor_with_two_ways_is_shown_once() {
    let shown = |settings: &Settings, role| {
        let vendors = Vendor::of_chain(role, settings).into_iter();
        vendors.map(|vendor| vendor.title).collect::<Vec<_>>()
    };
    let nothing = settings(&[]);
    assert_eq!(shown(&nothing, VendorRole::Voice), ["ElevenLabs"]);
    assert_eq!(shown(&nothing, VendorRole::Recognizer), ["Deepgram"]);
    assert_eq!(Vendor::in_use(&nothing).count(), VENDORS.len());
}
