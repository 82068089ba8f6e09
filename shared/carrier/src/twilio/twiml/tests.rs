//! Documents as they are sent, and what cannot be sent.

use expect_test::expect;
use proptest::prelude::*;
use quick_xml::Reader;

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn stream(parameters: &[(&str, &str)]) -> Stream {
    let owned = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Stream {
        url: url("wss://media.example.com/media/twilio"),
        status_callback: Some(url(
            "https://dialer.example.com/carriers/twilio/stream/t/c?a=1&b=2",
        )),
        parameters: owned.collect(),
    }
}

fn connect_stream(stream: Stream, resume: Url) -> Result<Twiml, InstructionsProblem> {
    write(&Instructions::connect(stream, resume))
}

fn say_and_hang_up(text: &str, language: &str) -> Result<Twiml, InstructionsProblem> {
    write(&Instructions::say_and_hang_up(text, language))
}

fn reject(why: Reject) -> Twiml {
    write(&Instructions::reject(why)).unwrap()
}

fn resume() -> Url {
    url("https://dialer.example.com/carriers/twilio/resume/t/c")
}

#[test]
fn a_call_is_handed_to_the_worker_and_asks_what_next_when_the_worker_is_gone() {
    let parameters = [
        ("call_id", "call_1"),
        ("note", "\"Tom\" & <Jerry> — 'ça va'"),
    ];
    let twiml = connect_stream(stream(&parameters), resume()).unwrap();
    expect![[r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://media.example.com/media/twilio" statusCallback="https://dialer.example.com/carriers/twilio/stream/t/c?a=1&amp;b=2" statusCallbackMethod="POST"><Parameter name="call_id" value="call_1"/><Parameter name="note" value="&quot;Tom&quot; &amp; &lt;Jerry&gt; — &apos;ça va&apos;"/></Stream></Connect><Redirect method="POST">https://dialer.example.com/carriers/twilio/resume/t/c</Redirect></Response>"#]]
    .assert_eq(twiml.as_str());
}

#[test]
fn the_short_documents() {
    expect![[r#"<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>"#]]
        .assert_eq(hang_up().as_str());
    expect![[
        r#"<?xml version="1.0" encoding="UTF-8"?><Response><Reject reason="rejected"/></Response>"#
    ]]
    .assert_eq(reject(Reject::NotInService).as_str());
    expect![[
        r#"<?xml version="1.0" encoding="UTF-8"?><Response><Reject reason="busy"/></Response>"#
    ]]
    .assert_eq(reject(Reject::Busy).as_str());
    expect![[r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say language="en-US">We are sorry &amp; will call again.</Say><Hangup/></Response>"#]]
    .assert_eq(say_and_hang_up("We are sorry & will call again.", "en-US").unwrap().as_str());
    expect![[
        r#"<?xml version="1.0" encoding="UTF-8"?><Response><Pause length="2"/><Hangup/></Response>"#
    ]]
    .assert_eq(
        write(
            &Instructions::default()
                .then(Instruction::Pause { seconds: 2 })
                .then(Instruction::HangUp),
        )
        .unwrap()
        .as_str(),
    );
}

#[test]
fn a_call_listens_for_any_one_key_and_then_goes_on() {
    let wait = |text: &str, pressed: &str| AwaitKey {
        text: text.to_owned(),
        language: "en-US".to_owned(),
        seconds: 5,
        pressed: url(pressed),
    };
    let pressed = "https://dialer.example.com/carriers/twilio/resume/t/c?held=1";
    let written = |wait| {
        write(
            &Instructions::default()
                .then(Instruction::AwaitKey(wait))
                .then(Instruction::HangUp),
        )
    };
    expect![[r#"<?xml version="1.0" encoding="UTF-8"?><Response><Gather input="dtmf" numDigits="1" finishOnKey="" timeout="5" action="https://dialer.example.com/carriers/twilio/resume/t/c?held=1" method="POST"><Say language="en-US">One moment.</Say></Gather><Hangup/></Response>"#]]
    .assert_eq(written(wait("One moment.", pressed)).unwrap().as_str());
    expect![[r#"<?xml version="1.0" encoding="UTF-8"?><Response><Gather input="dtmf" numDigits="1" finishOnKey="" timeout="5" action="https://dialer.example.com/carriers/twilio/resume/t/c?held=1" method="POST"/><Hangup/></Response>"#]]
    .assert_eq(written(wait("", pressed)).unwrap().as_str());
    assert_eq!(
        written(wait("", "https://my_host.example/x")),
        Err(InstructionsProblem::CallbackUrl)
    );
    assert_eq!(
        written(wait("a\0b", pressed)),
        Err(InstructionsProblem::Character)
    );
}

#[test]
fn a_document_may_have_4000_characters_and_not_one_more() {
    let empty = say_and_hang_up("", "").unwrap().as_str().chars().count();
    let fits = "é".repeat(TWIML_CHARS_MAX - empty);
    assert!(say_and_hang_up(&fits, "").is_ok());
    assert_eq!(
        say_and_hang_up(&format!("{fits}e"), ""),
        Err(InstructionsProblem::TooLong {
            chars: TWIML_CHARS_MAX + 1,
            max: TWIML_CHARS_MAX,
        })
    );
}

#[test]
fn name_and_value_of_a_parameter_stay_under_500_characters() {
    let connect = |value: &str| connect_stream(stream(&[("name", value)]), resume());
    assert!(connect(&"x".repeat(495)).is_ok());
    assert_eq!(
        connect(&"x".repeat(496)),
        Err(InstructionsProblem::ParameterTooLong {
            max: PARAMETER_CHARS_LIMIT - 1
        })
    );
}

#[test]
fn what_the_carrier_would_not_take_is_refused_here() {
    let twice = stream(&[("a", "1"), ("a", "2")]);
    assert_eq!(
        connect_stream(twice, resume()),
        Err(InstructionsProblem::ParameterName)
    );
    let unnamed = stream(&[("", "1")]);
    assert_eq!(
        connect_stream(unnamed, resume()),
        Err(InstructionsProblem::ParameterName)
    );
    for wrong in [
        "https://media.example.com/media",
        "wss://media.example.com/media?token=1",
        "wss://media.example.com/media#x",
    ] {
        let mut stream = stream(&[]);
        stream.url = url(wrong);
        assert_eq!(
            connect_stream(stream, resume()),
            Err(InstructionsProblem::StreamUrl),
            "{wrong}"
        );
    }
    for wrong in [
        "https://my_host.example/x",
        "ftp://host/x",
        "data:text/plain,x",
    ] {
        assert_eq!(
            connect_stream(stream(&[]), url(wrong)),
            Err(InstructionsProblem::CallbackUrl),
            "{wrong}"
        );
    }
    for character in ['\0', '\u{8}', '\u{1f}', '\r', '\u{fffe}', '\u{ffff}'] {
        let text = format!("a{character}b");
        assert_eq!(
            say_and_hang_up(&text, ""),
            Err(InstructionsProblem::Character),
            "{character:?}"
        );
        let parameter = stream(&[("a", &text)]);
        assert_eq!(
            connect_stream(parameter, resume()),
            Err(InstructionsProblem::Character)
        );
    }
    let line = stream(&[("a", "one\ntwo")]);
    assert_eq!(
        connect_stream(line, resume()),
        Err(InstructionsProblem::Character)
    );
    assert_eq!(
        write(&Instructions::default()),
        Err(InstructionsProblem::Empty)
    );
}

#[test]
fn a_document_does_not_print_what_it_carries() {
    let twiml = connect_stream(stream(&[("token", "tok_secret")]), resume()).unwrap();
    assert!(!format!("{twiml:?} {:?}", stream(&[("token", "tok_secret")])).contains("secret"));
}

proptest! {
    /// What is written is what a reader of XML reads, whatever the values are.
    #[test]
    fn values_arrive_as_they_were_given(
        name in "\\PC{1,20}",
        value in "\\PC{0,40}",
        said in any::<String>(),
    ) {
        let stream = Instruction::Stream(stream(&[(&name, &value)]));
        let instructions = Instructions::default().then(stream).say(&said, "en");
        match write(&instructions) {
            Ok(twiml) => prop_assert_eq!(read(twiml.as_str()), (name, value, said)),
            Err(problem) => prop_assert_eq!(problem, InstructionsProblem::Character),
        }
    }
}

fn read(document: &str) -> (String, String, String) {
    let mut reader = Reader::from_str(document);
    let (mut name, mut value, mut said) = (String::new(), String::new(), String::new());
    let mut saying = false;
    loop {
        #[expect(clippy::wildcard_enum_match_arm, reason = "not our vocabulary")]
        match reader.read_event().unwrap() {
            Event::Empty(tag) if tag.name().as_ref() == b"Parameter" => {
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap();
                    let text = attribute
                        .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                        .unwrap()
                        .into_owned();
                    match attribute.key.as_ref() {
                        b"name" => name = text,
                        b"value" => value = text,
                        other => panic!("attribute {other:?}"),
                    }
                }
            }
            Event::Start(tag) => saying = tag.name().as_ref() == b"Say",
            Event::Text(text) if saying => said.push_str(&text.decode().unwrap()),
            Event::GeneralRef(entity) if saying => {
                let entity = format!("&{};", entity.decode().unwrap());
                said.push_str(&quick_xml::escape::unescape(&entity).unwrap());
            }
            Event::Eof => return (name, value, said),
            _other => {}
        }
    }
}
