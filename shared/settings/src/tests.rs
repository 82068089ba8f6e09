//! Settings as situations: a map in, settings or a list of problems out.

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, Problems> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::from_variables(&owned.collect())
}

#[test]
fn nothing_set_is_a_laptop() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.local.port, 8080);
    assert_eq!(
        settings.carrier.base_url.as_str(),
        "https://api.twilio.com/"
    );
    assert!(settings.carrier.account_id.is_none());
    assert_eq!(settings.log.format, LogFormat::Text);
}

#[test]
fn every_problem_is_told_at_once_and_no_value_is_repeated() {
    let problems = read(&[
        ("TRUNKLINE_PORT", "eighty"),
        ("TWILIO_ACCOUNT_SID", "AC-secret-looking"),
        ("DEEPGRAM_BASE_URL", "ftp://files"),
        ("TRUNKLINE_API_KEY", "short"),
        ("ELEVENLABS_API_KEY", "sk_hidden"),
    ])
    .unwrap_err();
    let told = problems.to_string();
    for variable in [
        "TRUNKLINE_PORT",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "PUBLIC_URL",
        "DEEPGRAM_BASE_URL",
        "TRUNKLINE_API_KEY",
        "ELEVENLABS_VOICE_ID",
    ] {
        assert!(told.contains(variable), "{variable} is missing in: {told}");
    }
    for value in [
        "eighty",
        "secret-looking",
        "ftp://files",
        "short",
        "sk_hidden",
    ] {
        assert!(!told.contains(value), "{value} is repeated in: {told}");
    }
}

#[test]
fn calls_per_second_are_a_distance_in_time() {
    let interval = |text| {
        let read = read(&[("TRUNKLINE_CARRIER_CALLS_PER_SECOND", text)]);
        read.map(|settings| settings.dialing.call_interval.as_millis())
    };
    assert_eq!(interval(""), Ok(1_000));
    assert_eq!(interval("2.5"), Ok(400));
    assert_eq!(interval("0.1"), Ok(10_000));
    for wrong in ["0", "-1", "many", "inf", "NaN"] {
        assert!(interval(wrong).is_err(), "{wrong} was taken");
    }
    assert_eq!(read(&[]).unwrap().dialing, Dialing::default());
}

#[test]
fn an_empty_value_counts_as_absent() {
    assert!(
        read(&[("DEEPGRAM_API_KEY", "  ")])
            .unwrap()
            .deepgram
            .api_key
            .is_none()
    );
}

#[test]
fn secrets_do_not_print() {
    let settings = read(&[("OPENAI_API_KEY", "sk-very-secret")]).unwrap();
    assert!(!format!("{settings:?}").contains("very-secret"));
    assert_eq!(settings.openai.api_key.unwrap().expose(), "sk-very-secret");
}

#[test]
fn a_base_url_alone_makes_a_language_model_real_and_asks_for_the_keys_of_others() {
    let settings = read(&[("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")]).unwrap();
    assert!(!settings.openai.simulated && settings.deepgram.simulated);
    let problems = read(&[("DEEPGRAM_BASE_URL", "http://127.0.0.1:1")]).unwrap_err();
    assert_eq!(problems.0[0].variable, "DEEPGRAM_API_KEY");
}

#[test]
fn a_carrier_at_another_base_needs_no_public_url() {
    let sid = "AC00000000000000000000000000000000";
    let account = [("TWILIO_ACCOUNT_SID", sid), ("TWILIO_AUTH_TOKEN", "t")];
    assert_eq!(read(&account).unwrap_err().0[0].variable, "PUBLIC_URL");
    let elsewhere = [
        account[0],
        account[1],
        ("TWILIO_BASE_URL", "http://127.0.0.1:9"),
    ];
    assert!(!read(&elsewhere).unwrap().carrier.simulated);
}

#[test]
fn lambda_logs_json() {
    let settings = read(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")]).unwrap();
    assert_eq!(settings.log.format, LogFormat::Json);
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Variables::from(owned.collect::<BTreeMap<_, _>>())
}

#[test]
fn a_secret_fills_what_the_environment_leaves_open_and_no_more() {
    let mut variables = variables(&[
        ("OPENAI_MODEL", "from the environment"),
        ("OPENAI_API_KEY", " "),
    ]);
    let secret = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let first = [
        secret("OPENAI_MODEL", "from the secret"),
        secret("OPENAI_API_KEY", "key of the first secret"),
        secret("DEEPGRAM_API_KEY", ""),
    ];
    variables.lay_beneath("first", first);
    let second = [
        secret("OPENAI_API_KEY", "key of the second secret"),
        secret("DEEPGRAM_API_KEY", "another key"),
    ];
    variables.lay_beneath("second", second);
    for (name, source) in [
        ("OPENAI_MODEL", Some(VariableSource::Environment)),
        (
            "OPENAI_API_KEY",
            Some(VariableSource::Beneath("first".to_owned())),
        ),
        (
            "DEEPGRAM_API_KEY",
            Some(VariableSource::Beneath("second".to_owned())),
        ),
        ("TRUNKLINE_TABLE", None),
    ] {
        assert_eq!(variables.source(name), source, "{name}");
    }
    assert!(!format!("{variables:?}").contains("key of"));
    let settings = variables.settings().unwrap();
    assert_eq!(settings.openai.model, "from the environment");
    let key = |key: Option<Secret>| key.unwrap().expose().to_owned();
    assert_eq!(key(settings.openai.api_key), "key of the first secret");
    assert_eq!(key(settings.deepgram.api_key), "another key");
}

#[test]
fn secrets_are_listed_with_commas() {
    let listed = variables(&[("TRUNKLINE_SECRETS", " a, arn:aws:b ,,")]);
    assert_eq!(listed.secrets(), ["a", "arn:aws:b"]);
    assert!(variables(&[]).secrets().is_empty());
}

#[test]
fn every_setting_has_a_name_and_what_only_tells_where_we_are_is_none() {
    let names = Settings::names();
    assert!(names.len() > 25, "{names:?}");
    assert!(names.contains("ELEVENLABS_VOICE_ID") && names.contains("TRUNKLINE_LOG_FORMAT"));
    assert!(!names.contains("AWS_LAMBDA_RUNTIME_API"));
}

#[test]
fn what_can_be_used_is_used_beside_what_is_wrong() {
    let wrong = variables(&[("TRUNKLINE_PORT", "eighty"), ("TRUNKLINE_TABLE", "calls")]);
    let (settings, problems) = wrong.settings_and_problems();
    assert_eq!(settings.storage.table, "calls");
    assert_eq!(settings.local.port, 8080);
    assert_eq!(problems.0.len(), 1);
}

#[test]
fn a_chain_is_in_its_own_order_and_every_name_of_it_is_known() {
    let default = read(&[]).unwrap().chains;
    assert_eq!(default.of(VendorRole::Recognizer), ["deepgram"]);
    assert_eq!(default.of(VendorRole::Model), ["openai"]);
    assert_eq!(
        default.of(VendorRole::Voice),
        ["elevenlabs", "elevenlabs_http"]
    );
    let chosen = read(&[("TRUNKLINE_TTS_CHAIN", " elevenlabs_http, elevenlabs")]).unwrap();
    assert_eq!(chosen.chains.voices, ["elevenlabs_http", "elevenlabs"]);
    for wrong in [
        "sk_a_key",
        "elevenlabs,elevenlabs",
        "elevenlabs,",
        "deepgram",
    ] {
        let problems = read(&[("TRUNKLINE_TTS_CHAIN", wrong)]).unwrap_err();
        assert_eq!(problems.0[0].variable, "TRUNKLINE_TTS_CHAIN");
        assert_eq!(
            problems.0[0].problem,
            "must name vendors out of elevenlabs, elevenlabs_http, each once, with commas between them"
        );
    }
}

#[test]
fn the_roster_has_who_is_set_up_and_whose_place_a_simulated_peer_took() {
    let mut settings = read(&[("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")]).unwrap();
    let names = |settings: &Settings| {
        let roster = settings.roster();
        VendorRole::ALL.map(|role| roster.names(role).to_vec())
    };
    assert_eq!(names(&settings), [vec![], vec!["openai"], vec![]]);
    let at = Url::parse("http://127.0.0.1:9").unwrap();
    settings
        .elevenlabs
        .simulate(at, Secret::new("key".to_owned()));
    let voices = vec!["elevenlabs", "elevenlabs_http"];
    assert_eq!(names(&settings), [vec![], vec!["openai"], voices]);
}
