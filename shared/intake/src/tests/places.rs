//! Countries, states and zones of rows.

use super::*;

#[test]
fn own_zone_state_country_priority_and_consent() {
    check(
        "mobile,tz,state,country,priority,consent_kind,consent_at,consent_source\n\
         4155552671,us/pacific,ca,USA,high,written,2026-01-31,https://example.com/form\n\
         020 7946 0958,,,UK,,express,2026-01-31T09:30:00+01:00,\n\
         4155552672,PST,,,,,,\n4155552673,,Kalifornien,,,,,\n4155552674,,,Narnia,,,,\n4155552675,,,,asap,,,\n\
         4155552676,,,,,maybe,,\n4155552677,,,,,express,01/02/2026,\n4155552678,,,,,none,2026-01-31,\n4165552678,,ON,Canada,,,,\n",
        &expect![[r#"
            Ascii Comma: number | zone | region | country | priority | consent_kind | consent_at | consent_source
            2: +14155552671 zone=US/Pacific region=US-CA country=US High consent=Written 2026-01-31T00:00:00Z Some("https://example.com/form") country="USA" state="ca"
            3: +442079460958 country=GB consent=Express 2026-01-31T08:30:00Z None country="UK"
            - zone: row 4, column B (tz): is not an IANA time zone such as America/New_York
            5: +14155552673 any state of US state="Kalifornien"
            - country: row 6, column D (country): is not a country: write it as two letters, as in US
            - priority: row 7, column E (priority): is not high, normal or low
            - consent_kind: row 8, column F (consent_kind): is not express or written
            - consent_at: row 9, column G (consent_at): is not a date such as 2026-01-31 or a time such as 2026-01-31T09:30:00Z
            10: +14155552678
            11: +14165552678 region=CA-ON country=CA country="Canada" state="ON"
        "#]],
    );
}

#[test]
fn a_state_that_cannot_be_read_keeps_nobody_out() {
    check(
        "phone,state\n4155552671,Calif.\n2125550123,N.Y.\n2025550123,\"Washington, D.C.\"\n5145550123,Québec\n4155552672,Bavaria\n+4930901820,Bayern\n",
        &expect![[r#"
            Utf8 Comma: number | region
            2: +14155552671 region=US-CA state="Calif."
            3: +12125550123 region=US-NY state="N.Y."
            4: +12025550123 region=US-DC state="Washington, D.C."
            5: +15145550123 region=CA-QC state="Québec"
            6: +14155552672 any state of US state="Bavaria"
            7: +4930901820 state="Bayern"
        "#]],
    );
    let options = Options {
        default_country: "DE".parse().ok(),
        ..Options::default()
    };
    check_with(
        "Telefon;Name;State\n030 901820;Anna;Bayern\n030 901821;Bert;Berlin\n",
        &options,
        &expect![[r#"
            Ascii Semicolon: number | {{name}} | region
            2: +4930901820 name="Anna" state="Bayern"
            3: +4930901821 name="Bert" state="Berlin"
        "#]],
    );
}

#[test]
fn a_column_does_not_lose_its_meaning_without_a_word() {
    check(
        "phone,priority,country,tz\n4155552671,1,Narnia,PST\n4155552672,2,Oz,EST\n",
        &expect![[r#"
            Ascii Comma: number | {{priority}} | {{country}} | {{tz}}
            ! column D is only a variable: 0 of the first 2 cells are a zone, as its name says; give `columns` if it is one
            ! column C is only a variable: 0 of the first 2 cells are a country, as its name says; give `columns` if it is one
            ! column B is only a variable: 0 of the first 2 cells are a priority, as its name says; give `columns` if it is one
            2: +14155552671 country="Narnia" priority="1" tz="PST"
            3: +14155552672 country="Oz" priority="2" tz="EST"
        "#]],
    );
}
