//! What a preview says of a list before anything is written: whom the campaign can call, what keeps the others, and
//! what each column is taken for.

use serde_json::{Value, json};

use super::Scene;

impl Scene {
    async fn set(&self, fields: Value) {
        let path = format!("/v1/campaigns/{}", self.campaign.id);
        let etag = self.world.ask("GET", &path, None).await.etag.unwrap();
        let headers = [("If-Match", etag.as_str())];
        let changed = self.world.ask_with(&headers, "PATCH", &path, Some(fields));
        let changed = changed.await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    }

    async fn preview(&self, query: &str, list: &str) -> Value {
        let query = format!("?dry_run=true{query}");
        let answer = self.post(&query, list.to_owned()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }
}

const EVERY_DAY: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn windows(from: &str, to: &str) -> Value {
    EVERY_DAY
        .iter()
        .map(|day| ((*day).to_owned(), json!([[from, to]])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_that_the_windows_never_reach_are_counted_and_what_opens_them_does() {
    let scene = Scene::new().await;
    scene
        .set(json!({ "windows": windows("10:00", "19:00") }))
        .await;
    let list = "phone,name\n+79161234567,Olga\n+79161234568,Oleg\n+12125550123,Ann\n";
    let preview = scene.preview("", list).await;
    let counts = [
        &preview["good"],
        &preview["callable"],
        &preview["never_called"],
    ];
    assert_eq!(counts, [3, 1, 2], "{preview}");
    let group = &preview["never_called_by_rule"][0];
    assert_eq!(
        [&group["rule"], &group["country"], &group["number_kind"]],
        ["campaign_window", "RU", "mobile"]
    );
    assert_eq!(
        (&group["leads"], &group["first_row"]),
        (&json!(2), &json!(2))
    );
    let openers = group["opened_by"].as_array().unwrap();
    let codes: Vec<&Value> = openers.iter().map(|opener| &opener["code"]).collect();
    assert_eq!(codes, ["windows", "trusted_zone"], "{group}");
    let sentence = group["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("windows from 09:00 to 20:00"),
        "{sentence}"
    );

    // What it says would open them does.
    let [from, to] = [0, 1].map(|at| openers[0]["window"][at].as_str().unwrap().to_owned());
    scene.set(json!({ "windows": windows(&from, &to) })).await;
    let preview = scene.preview("", list).await;
    assert_eq!(
        (&preview["callable"], &preview["never_called"]),
        (&json!(3), &json!(0))
    );
    scene
        .set(json!({ "windows": windows("10:00", "19:00"), "zones": "lead" }))
        .await;
    let zoned = "phone,name,zone\n+79161234567,Olga,Europe/Moscow\n+12125550123,Ann,\n";
    let preview = scene.preview("", zoned).await;
    assert_eq!(
        (&preview["callable"], &preview["never_called"]),
        (&json!(2), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_one_of_callable_never_lacking_duplicate_suppressed_or_otherwise_kept_out() {
    let scene = Scene::new().await;
    scene.suppress("+14155550104").await;
    scene
        .set(json!({
            "consent_elsewhere": null,
            "disclosure": { "opening": "Hello {{first_name}}, an automated call from {{shop}}." },
        }))
        .await;
    let list = "phone,first_name,shop,consent\n\
        +14155550100,Ann,North,express\n\
        +14155550101,,North,express\n\
        +14155550102,,,express\n\
        +14155550103,Cy,North,\n\
        +14155550104,Di,North,express\n\
        +14155550100,Ann,North,express\n\
        none,Eve,North,express\n";
    let preview = scene.preview("", list).await;
    let counts = [
        "rows",
        "good",
        "callable",
        "never_called",
        "lacking_variables",
        "duplicates",
        "suppressed",
    ]
    .map(|count| preview[count].as_u64().unwrap());
    assert_eq!(counts, [7, 4, 1, 1, 2, 1, 1], "{preview}");
    assert_eq!(
        preview["missing_variables"],
        json!({ "first_name": 2, "shop": 1 })
    );
    let group = &preview["never_called_by_rule"][0];
    assert_eq!(
        (&group["rule"], &group["opened_by"]),
        (&json!("consent"), &json!([]))
    );
    let kept_out: u64 = preview["rejected"]
        .as_object()
        .unwrap()
        .values()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(kept_out, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_number_has_its_kind_and_place_and_each_column_its_reason() {
    let scene = Scene::new().await;
    let list = "Vorname,Telefon,Assistant,Fax,region\n\
        Anna,+4915123456789,,+493012345678,West\n\
        Bert,+493012345679,+14155550101,,East\n\
        Carl,,+14155550102,,\n\
        Dora,none,+14155550103,,\n\
        Emil,+18005550104,,,\n";
    let preview = scene.preview("&default_country=DE", list).await;
    let first = preview["first"].as_array().unwrap().iter();
    let first: Vec<[&Value; 2]> = first
        .map(|row| [&row["number_kind"], &row["number_country"]])
        .collect();
    assert_eq!(
        first,
        [["mobile", "DE"], ["landline", "DE"], ["toll_free", "US"]],
        "{preview}"
    );
    let columns = preview["columns"].as_array().unwrap().iter();
    let columns: Vec<String> = columns
        .map(|column| {
            let told = [&column["letter"], &column["target"], &column["because"]];
            told.map(Value::to_string).join(" ").replace('"', "")
        })
        .collect();
    assert_eq!(
        columns,
        [
            "A {variable:first_name} name",
            "B number name",
            "C {variable:assistant} nothing",
            "D {variable:fax} nothing",
            "E region name",
        ]
    );
    assert_eq!(
        preview["other_phone_columns"],
        json!([{ "letter": "C", "header": "Assistant", "numbers": 3, "saves": 2 }])
    );

    // Told so, it saves them.
    let told = "&default_country=DE&columns=%7B%22Assistant%22%3A%22alternate%22%7D";
    let preview = scene.preview(told, list).await;
    assert_eq!(
        (&preview["good"], &preview["other_phone_columns"]),
        (&json!(5), &json!([]))
    );
    assert_eq!(preview["columns"][2]["because"], "told");
}
