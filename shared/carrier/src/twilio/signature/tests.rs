//! Vectors that Twilio's own libraries accept, and what they reject
//! (`docs/protocols/twilio-voice.md#webhook-signature`).

use super::*;

const NONE: [(&str, &str); 0] = [];

fn token(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn tokens() -> Tokens {
    Tokens::new(token("12345"))
}

fn accepts(url: &str, fields: &[(&str, &str)], signature: &str) -> bool {
    verify_form(&tokens(), url, fields, Some(signature)).is_ok()
}

fn v2_fields() -> Vec<(&'static str, String)> {
    [
        ("CallSid", format!("CA{}", "a".repeat(32))),
        ("AccountSid", format!("AC{}", "b".repeat(32))),
        ("From", "+15005550006".to_owned()),
        ("To", "+14155550100".to_owned()),
        ("CallStatus", "completed".to_owned()),
        ("CallDuration", "42".to_owned()),
        ("Timestamp", "Fri, 20 Nov 2026 23:00:00 +0000".to_owned()),
        ("SequenceNumber", "3".to_owned()),
        ("CallbackSource", "call-progress-events".to_owned()),
        ("SipResponseCode", "200".to_owned()),
    ]
    .into()
}

const V1_URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const V1_FIELDS: [(&str, &str); 5] = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
];
const V1: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";

#[test]
fn v1_the_example_of_the_documentation() {
    assert_eq!(sign_form(&token("12345"), V1_URL, &V1_FIELDS), V1);
    assert!(accepts(V1_URL, &V1_FIELDS, V1));
    let shuffled: Vec<_> = V1_FIELDS.into_iter().rev().collect();
    assert!(accepts(V1_URL, &shuffled, V1));
    // a fragment is never signed
    assert!(accepts(&format!("{V1_URL}#rc=2&rp=all"), &V1_FIELDS, V1));
    assert_eq!(
        sign_form(&token("12345"), &format!("{V1_URL}#rc=2"), &V1_FIELDS),
        V1
    );
}

#[test]
fn v2_and_v3_with_and_without_the_port_are_one() {
    let without = "https://dialer.example.com/twilio/status?tenant=t1";
    let with = "https://dialer.example.com:443/twilio/status?tenant=t1";
    let fields = v2_fields();
    let (v2, v3) = (
        "oeRfJ+x/37sjGT/Knn7i5bUZbbg=",
        "6sTsnyP5Hus2+lolwNBFCWFEoJE=",
    );
    assert_eq!(sign_form(&token("12345"), without, &fields), v2);
    assert_eq!(sign_form(&token("12345"), with, &fields), v3);
    for url in [without, with] {
        for signature in [v2, v3] {
            assert_eq!(
                verify_form(&tokens(), url, &fields, Some(signature)),
                Ok(())
            );
        }
    }
}

#[test]
fn v4_another_port_accents_and_an_empty_value() {
    let fields = [
        ("MessageSid", format!("SM{}", "c".repeat(32))),
        ("Body", "Hola Señor & 50% — ok?".to_owned()),
        ("From", "+15005550006".to_owned()),
        ("To", "+14155550100".to_owned()),
        ("NumMedia", "0".to_owned()),
        ("Empty", String::new()),
    ];
    let url = "https://dialer.example.com:8443/twilio/sms";
    let signature = "0yHBJFygv9+YRU4L5jPzxDHqqpA=";
    assert_eq!(sign_form(&token("12345"), url, &fields), signature);
    assert_eq!(
        verify_form(&tokens(), url, &fields, Some(signature)),
        Ok(())
    );
    // Any explicit port is also tried stripped, and the other way round is not.
    let stripped = sign_form(
        &token("12345"),
        "https://dialer.example.com/twilio/sms",
        &fields,
    );
    assert_eq!(
        verify_form(&tokens(), url, &fields, Some(stripped.as_str())),
        Ok(())
    );
    let bare = "https://dialer.example.com/twilio/sms";
    assert_eq!(
        verify_form(&tokens(), bare, &fields, Some(signature)),
        Err(SignatureProblem::Mismatch)
    );
}

#[test]
fn v5_a_get_has_all_in_its_url() {
    let url = "https://dialer.example.com/twilio/voice?CallSid=CA1&From=%2B15005550006";
    assert!(accepts(url, &NONE, "zQUa7DNewR76jEqssqq8zNrGMfY="));
    // decoded or in another order it is another URL
    let decoded = "https://dialer.example.com/twilio/voice?CallSid=CA1&From=+15005550006";
    assert!(!accepts(decoded, &NONE, "zQUa7DNewR76jEqssqq8zNrGMfY="));
}

#[test]
fn v6_a_repeated_name_counts_once_per_value() {
    let url = "https://dialer.example.com/twilio/multi";
    let signature = "MJ49nYZ52MWoqOxGvAHJK9MYAug=";
    let fields = [("Tag", "b"), ("Tag", "a"), ("Tag", "b"), ("CallSid", "CA1")];
    assert!(accepts(url, &fields, signature));
    assert!(accepts(
        url,
        &[("CallSid", "CA1"), ("Tag", "a"), ("Tag", "b")],
        signature
    ));
    assert!(!accepts(
        url,
        &[("CallSid", "CA1"), ("Tag", "a")],
        signature
    ));
}

#[test]
fn v7_to_v9_a_media_socket() {
    let url = "wss://media.example.com/media";
    let check = |url: &str, signature: &str| verify_websocket(&tokens(), url, Some(signature));
    let (v7, v8) = (
        "3XF0iRfRqfYk1z7nxJrcofkKu/c=",
        "MjJTx71kjEAqotxt5OB5unbQlho=",
    );
    assert_eq!(check(url, v7), Ok(()));
    assert_eq!(check(url, v8), Ok(()));
    assert_eq!(check("wss://media.example.com/media/", v7), Ok(()));
    assert_eq!(check("wss://media.example.com/media/", v8), Ok(()));
    // with the port that `wss` means, whichever side writes it
    let with_port = sign_form(&token("12345"), "wss://media.example.com:443/media", &NONE);
    assert_eq!(check(url, &with_port), Ok(()));
    assert_eq!(check("wss://media.example.com:443/media", v7), Ok(()));
    // V9: signed as if it were a web page
    let v9 = "63ZT49J3ndH1jhfcZraNo0fpt08=";
    assert_eq!(
        sign_form(&token("12345"), "https://media.example.com/media", &NONE),
        v9
    );
    assert_eq!(check(url, v9), Err(SignatureProblem::Mismatch));
    assert_eq!(
        check("https://media.example.com/media", v9),
        Err(SignatureProblem::Url)
    );
}

#[test]
fn v11_the_query_of_a_socket_counts_as_fields() {
    let url = "wss://media.example.com/ws?token=abc123&foo=bar";
    let signature = "Qq2jqUVE6zloip/uu/HUNOI8fTY=";
    assert_eq!(verify_websocket(&tokens(), url, Some(signature)), Ok(()));
    let other = "wss://media.example.com/ws?token=abc124&foo=bar";
    assert_eq!(
        verify_websocket(&tokens(), other, Some(signature)),
        Err(SignatureProblem::Mismatch)
    );
}

#[test]
fn v10_a_json_body_is_bound_by_its_hash() {
    let url = "https://dialer.example.com/twilio/json?bodySHA256=5ccde7145dfb8f56479710896586cb9d5911809d83afbe34627818790db0aec9";
    let body = br#"{"CallSid":"CA1234567890ABCDE","Caller":"+12349013030"}"#;
    let signature = Some("5UPv9sRC9HWWjA8UYh1b8UQFMxI=");
    assert_eq!(verify_json(&tokens(), url, body, signature), Ok(()));
    let mut longer = body.to_vec();
    longer.push(b' ');
    assert_eq!(
        verify_json(&tokens(), url, &longer, signature),
        Err(SignatureProblem::BodyHash)
    );
    // a hash that nobody signed
    assert_eq!(
        verify_json(&tokens(), &url.replace("5ccd", "5ccc"), body, signature),
        Err(SignatureProblem::Mismatch)
    );
    // signed, and without any hash
    let unhashed = "https://dialer.example.com/twilio/json";
    let signed = sign_form(&token("12345"), unhashed, &NONE);
    assert_eq!(
        verify_json(&tokens(), unhashed, body, Some(signed.as_str())),
        Err(SignatureProblem::BodyHash)
    );
}

#[test]
fn a_forged_or_missing_signature_is_refused() {
    for forged in [
        "",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8",
        "rsoydt4t1cutdk1pdd93/vvr8b8=",
        "\u{e9}",
    ] {
        assert!(!accepts(V1_URL, &V1_FIELDS, forged), "{forged}");
    }
    assert_eq!(
        verify_form(&tokens(), V1_URL, &V1_FIELDS, None),
        Err(SignatureProblem::Missing)
    );
    let mut changed = V1_FIELDS;
    changed[2].1 = "1235";
    assert!(!accepts(V1_URL, &changed, V1));
    assert!(!accepts(
        "https://evil.example/myapp.php?foo=1&bar=2",
        &V1_FIELDS,
        V1
    ));
    assert!(!accepts(
        "http://mycompany.com/myapp.php?foo=1&bar=2",
        &V1_FIELDS,
        V1
    ));
    assert_eq!(
        verify_form(&tokens(), "/myapp.php", &V1_FIELDS, Some(V1)),
        Err(SignatureProblem::Url)
    );
}

#[test]
fn while_the_token_is_rotated_both_are_believed_and_no_third() {
    let rotating = Tokens::new(token("54321")).with_previous(token("12345"));
    assert_eq!(verify_form(&rotating, V1_URL, &V1_FIELDS, Some(V1)), Ok(()));
    let newer = sign_form(&token("54321"), V1_URL, &V1_FIELDS);
    assert_eq!(
        verify_form(&rotating, V1_URL, &V1_FIELDS, Some(newer.as_str())),
        Ok(())
    );
    let third = sign_form(&token("third"), V1_URL, &V1_FIELDS);
    assert_eq!(
        verify_form(&rotating, V1_URL, &V1_FIELDS, Some(third.as_str())),
        Err(SignatureProblem::Mismatch)
    );
    assert!(!format!("{rotating:?}").contains("12345"));
}

#[test]
fn a_url_is_cut_where_its_parts_meet_and_nowhere_else() {
    let variants = |url: &str| port_variants(url).unwrap();
    assert_eq!(
        variants("https://user:pw@host.example:8443/a?b=http://x:1/"),
        [
            "https://user:pw@host.example/a?b=http://x:1/",
            "https://user:pw@host.example:8443/a?b=http://x:1/"
        ]
    );
    assert_eq!(
        variants("http://[::1]/a"),
        ["http://[::1]/a", "http://[::1]:80/a"]
    );
    assert_eq!(
        variants("http://[::1]:9000/a"),
        ["http://[::1]/a", "http://[::1]:9000/a"]
    );
    assert_eq!(
        variants("https://host?x=1#f"),
        ["https://host?x=1", "https://host:443?x=1"]
    );
    assert_eq!(variants("ws://h/m"), ["ws://h/m", "ws://h:80/m"]);
    for wrong in [
        "",
        "host/path",
        "https://",
        "https:///path",
        "https://:443/",
    ] {
        assert!(port_variants(wrong).is_err(), "{wrong}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_signed_is_believed_and_nothing_makes_it_panic(
        url in "(https?|wss?)://[a-z]{1,8}(:[0-9]{1,5})?(/[ -~]{0,20})?",
        fields in proptest::collection::vec(("\\PC{0,8}", "\\PC{0,8}"), 0..6),
        junk in proptest::prelude::any::<String>(),
    ) {
        let signature = sign_form(&token("12345"), &url, &fields);
        proptest::prop_assert!(verify_form(&tokens(), &url, &fields, Some(signature.as_str())).is_ok());
        proptest::prop_assert!(verify_form(&tokens(), &junk, &fields, Some(junk.as_str())).is_err());
        proptest::prop_assert!(verify_websocket(&tokens(), &junk, Some(junk.as_str())).is_err());
        proptest::prop_assert!(verify_json(&tokens(), &junk, junk.as_bytes(), Some(junk.as_str())).is_err());
    }
}

/// The vector of `docs/protocols/twilio-voice.md#webhook-signature` under a shared key.
#[test]
fn a_shared_key_signs_by_sha256_and_only_the_one_that_we_know() {
    let shared = || SharedKey {
        id: "CR1".to_owned(),
        secret: Secret::new("12345".to_owned()),
    };
    let known = Tokens::new(Secret::new("another".to_owned())).with_shared(shared());
    let unknown = Tokens::new(Secret::new("12345".to_owned()));
    let signature = Some("033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=");
    let verify = |tokens: &Tokens, settings| {
        let signed = Signed {
            signature,
            settings,
        };
        verify_form(tokens, V1_URL, &V1_FIELDS, signed)
    };
    let honest = Some("key=CR1,algorithm=HMAC_SHA256");
    assert_eq!(verify(&known, honest), Ok(()));
    let spaced = Some("algorithm=HMAC_SHA256, key=CR1");
    assert_eq!(verify(&known, spaced), Ok(()));
    assert_eq!(verify(&unknown, honest), Err(SignatureProblem::Scheme));
    for other in [
        "",
        "key=CR2,algorithm=HMAC_SHA256",
        "key=CR1",
        "key=CR1,algorithm=HMAC_SHA1",
        "key=CR1,algorithm=NONE",
    ] {
        let refused = verify(&known, Some(other));
        assert_eq!(refused, Err(SignatureProblem::Scheme), "{other}");
    }
    // Without the second header it is the auth token that must have signed.
    assert_eq!(verify(&known, None), Err(SignatureProblem::Mismatch));
}

#[test]
fn a_header_that_comes_twice_is_not_believed() {
    let mut headers = HeaderMap::new();
    headers.append(HEADER, "a".parse().unwrap());
    headers.append(SETTINGS_HEADER, "key=1".parse().unwrap());
    let once = Signed::of(&headers);
    assert_eq!((once.signature, once.settings), (Some("a"), Some("key=1")));
    headers.append(HEADER, "b".parse().unwrap());
    headers.append(SETTINGS_HEADER, "key=2".parse().unwrap());
    let twice = Signed::of(&headers);
    assert_eq!((twice.signature, twice.settings), (None, Some("")));
}
