//! A carrier that lacks everything says so itself.

use futures_util::FutureExt as _;

use super::*;
use crate::instructions::{AwaitKey, Instruction};
use crate::twilio::media::MediaStreams;

/// A carrier that can do none of what carriers differ in.
#[derive(Debug)]
struct Bare;

fn not_asked<'a, T, E>() -> Answer<'a, T, E> {
    panic!("nothing else is asked")
}

impl Carrier for Bare {
    fn name(&self) -> CarrierName {
        CarrierName::Twilio
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&[])
    }

    fn account_id(&self) -> &'static str {
        "bare"
    }

    fn media(&self) -> &'static dyn MediaCodec {
        &MediaStreams
    }

    fn place<'a>(&'a self, _call: &'a CreateCall) -> Answer<'a, CarrierCall, CreateError> {
        not_asked()
    }

    fn fetch_call<'a>(&'a self, _call: &'a CarrierCallId) -> Answer<'a, CarrierCall> {
        not_asked()
    }

    fn find_calls<'a>(&'a self, _find: &'a FindCalls) -> Answer<'a, Listed<CarrierCall>> {
        not_asked()
    }

    fn hang_up<'a>(&'a self, _call: &'a CarrierCallId) -> Answer<'a, CarrierCall> {
        not_asked()
    }

    fn cancel<'a>(&'a self, _call: &'a CarrierCallId) -> Answer<'a, CarrierCall> {
        not_asked()
    }

    fn fetch_account(&self) -> Answer<'_, CarrierAccount> {
        not_asked()
    }

    fn list_numbers(&self) -> Answer<'_, Listed<CarrierNumber>> {
        not_asked()
    }

    fn list_caller_ids(&self) -> Answer<'_, Listed<PhoneNumber>> {
        not_asked()
    }

    fn set_voice_url<'a>(
        &'a self,
        _number: &'a CarrierNumber,
        _voice_url: &'a Url,
    ) -> Answer<'a, CarrierNumber> {
        not_asked()
    }

    fn by_hand(&self, _wish: NumberWish<'_>) -> Option<FormRequest> {
        None
    }
}

#[test]
fn a_call_that_is_to_listen_for_a_key_is_refused_by_who_cannot() {
    let address = |path: &str| -> Url {
        format!("https://dialer.example.com/{path}")
            .parse()
            .unwrap()
    };
    let wait = AwaitKey {
        text: String::new(),
        language: String::new(),
        seconds: 5,
        pressed: address("pressed"),
    };
    let call = CreateCall {
        to: "+14155550100".parse().unwrap(),
        from: "+15005550006".parse().unwrap(),
        instructions: Instructions::default().then(Instruction::AwaitKey(wait)),
        status_callback: address("status"),
        ring_timeout: None,
        duration_max: None,
        recording: None,
        machine_detection: None,
    };
    let refused = Bare.capabilities().allow(&call).unwrap_err();
    assert_eq!(refused.to_string(), "the carrier has no key entry");
    assert!(
        Capabilities::of(&[Capability::KeyEntry])
            .allow(&call)
            .is_ok()
    );
}

#[test]
fn a_carrier_refuses_what_it_lacks_by_name() {
    fn told<T>(answer: Answer<'_, T>) -> String {
        let answer = answer.now_or_never().expect("nothing is sent");
        answer.err().expect("it is lacking").to_string()
    }
    let (call, recording): (CarrierCallId, CarrierRecordingId) =
        ("c".parse().unwrap(), "r".parse().unwrap());
    let redirected = told(Bare.redirect(&call, &Instructions::hang_up()));
    assert_eq!(redirected, "the carrier has no redirection of live calls");
    let order = RecordCall {
        status_callback: "https://dialer.example.com/recording".parse().unwrap(),
    };
    for refused in [
        told(Bare.begin_recording(&call, &order)),
        told(Bare.fetch_recording(&recording)),
        told(Bare.list_recordings(&call)),
        told(Bare.list_account_recordings(None)),
        told(Bare.recording_media(&recording, Channels::Two)),
        told(Bare.delete_recording(&recording)),
    ] {
        assert_eq!(refused, "the carrier has no recording");
    }
}
