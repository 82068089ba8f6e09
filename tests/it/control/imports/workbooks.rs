//! Lists that are workbooks: they are what their sheet would be as a CSV, whatever dies in between.

use std::io::{Cursor, Write as _};

use reqwest::Method;
use serde_json::{Value, json};
use service::lead::imports::ImportRunResult;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::faults::{Faults, When};
use super::{Scene, dies, finishes, imports_over, job};
use crate::leftovers::Left;
use crate::template::iam::Who;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";

/// A workbook with a sheet of notes and a sheet of these rows; digits are numbers.
fn xlsx(rows: &[&[&str]]) -> Vec<u8> {
    let sheet = |rows: &[&[&str]]| {
        let cell = |text: &&str| {
            let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if number {
                format!("<c><v>{text}</v></c>")
            } else {
                format!(r#"<c t="inlineStr"><is><t>{text}</t></is></c>"#)
            }
        };
        let rows = rows.iter().map(|cells| {
            let cells: String = cells.iter().map(cell).collect();
            format!("<row>{cells}</row>")
        });
        format!(
            "<worksheet><sheetData>{}</sheetData></worksheet>",
            rows.collect::<String>()
        )
    };
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    packed(&[
        ("[Content_Types].xml", "<Types/>".to_owned()),
        (
            "_rels/.rels",
            format!(r#"<Relationships><Relationship Id="r1" Type="{kind}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#),
        ),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns:r="r"><sheets><sheet name="People" sheetId="1" r:id="r1"/><sheet name="Others" sheetId="2" r:id="r2"/></sheets></workbook>"#.to_owned(),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(r#"<Relationships><Relationship Id="r1" Type="{kind}/worksheet" Target="worksheets/a.xml"/><Relationship Id="r2" Type="{kind}/worksheet" Target="worksheets/b.xml"/></Relationships>"#),
        ),
        ("xl/worksheets/a.xml", sheet(rows)),
        (
            "xl/worksheets/b.xml",
            sheet(&[&["number", "name"], &["14155550177", "Ola"]]),
        ),
    ])
}

fn packed(parts: &[(&str, String)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const PEOPLE: &[&[&str]] = &[
    &["Phone", "Vorname"],
    &["14155550101", "J\u{f6}rg"],
    &["none", "Bob"],
    &["14155550103", "Carl"],
];

impl Scene {
    async fn send(&self, query: &str, kind: &str, list: Vec<u8>) -> super::Answer {
        let path = format!("/v1/campaigns/{}/imports{query}", self.campaign.id);
        self.world.ask_raw(&path, kind, list).await
    }

    /// A workbook that is in the bucket.
    async fn uploaded_workbook(&self, list: Vec<u8>) -> String {
        let path = format!("/v1/campaigns/{}/uploads", self.campaign.id);
        let body = json!({ "bytes": list.len() });
        let begun = self.world.ask("POST", &path, Some(body)).await.json();
        let request = reqwest::Client::new();
        let mut request = request.request(Method::PUT, begun["url"].as_str().unwrap());
        for (name, value) in begun["headers"].as_object().unwrap() {
            if name != "content-length" && name != "host" {
                request = request.header(name, value.as_str().unwrap());
            }
        }
        let put = request.body(list).send().await.unwrap();
        assert!(put.status().is_success(), "{}", put.status());
        begun["import"]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_workbook_is_previewed_and_imported_by_the_sheet_that_is_chosen() {
    let scene = Scene::new().await;
    let query = "?default_country=US";
    let preview = scene
        .send(&format!("{query}&dry_run=true"), XLSX, xlsx(PEOPLE))
        .await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let preview = preview.json();
    assert_eq!(
        (&preview["sheet"], &preview["sheets"]),
        (&json!("People"), &json!(["People", "Others"]))
    );
    assert_eq!(
        (&preview["good"], &preview["whole"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(preview["first"][0]["variables"]["first_name"], "J\u{f6}rg");

    let unknown = scene.send("?sheet=Leads", XLSX, xlsx(PEOPLE)).await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (422, "sheet_unknown")
    );

    // It is one whatever it is called.
    let made = scene.send(query, "text/csv", xlsx(PEOPLE)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let told = made.json();
    assert_eq!(
        (&told["sheet"], &told["added"], &told["rejected"]),
        (
            &json!("People"),
            &json!(2),
            &json!({ "number_unreadable": 1 })
        )
    );
    assert_eq!(
        scene.rejects(&made.id()).await,
        "\u{feff}Phone,Vorname,trunkline_row,trunkline_column,trunkline_code,trunkline_reason\n\
         none,Bob,3,A,number_unreadable,is not a phone number\n"
    );
    let other = scene
        .send(&format!("{query}&sheet=Others"), XLSX, xlsx(PEOPLE))
        .await;
    assert_eq!(
        (&other.json()["sheet"], &other.json()["added"]),
        (&json!("Others"), &json!(1))
    );
    assert_eq!(scene.assert_adds_up().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ods_file_and_a_list_of_suppressed_numbers_are_read_as_well() {
    let scene = Scene::new().await;
    let ods = packed(&[
        ("mimetype", ODS.to_owned()),
        ("META-INF/manifest.xml", "<manifest:manifest/>".to_owned()),
        (
            "content.xml",
            r#"<office:document-content><office:body><office:spreadsheet><table:table table:name="Blatt1"><table:table-row><table:table-cell office:value-type="string"><text:p>Telefon</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell office:value-type="float" office:value="14155550101"><text:p>1,42E+10</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"#.to_owned(),
        ),
    ]);
    let path = "/v1/suppressions/import?default_country=US";
    let added = scene.world.ask_raw(path, XLSX, xlsx(PEOPLE)).await;
    assert_eq!(
        (added.status, &added.json()["added"]),
        (200, &json!(2)),
        "{}",
        added.text
    );
    let made = scene.send("?default_country=US", ODS, ods).await;
    assert_eq!(
        made.json()["rejected"],
        json!({ "suppressed": 1 }),
        "{}",
        made.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_in_the_bucket_becomes_a_csv_and_both_are_gone_in_the_end() {
    let scene = Scene::new().await;
    let import = scene.uploaded_workbook(xlsx(PEOPLE)).await;
    let options = json!({ "default_country": "US", "sheet": "Others" });
    let path = format!("/v1/imports/{import}/start?dry_run=true");
    let preview = scene.world.ask("POST", &path, Some(options)).await;
    assert_eq!(
        (&preview.json()["sheet"], &preview.json()["good"]),
        (&json!("Others"), &json!(1))
    );
    let wrong = scene.start(&import, json!({ "sheet": "Leads" })).await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (422, "sheet_unknown")
    );
    assert_eq!(
        scene
            .start(&import, json!({ "default_country": "US" }))
            .await
            .status,
        202
    );
    let (tenant, store) = (scene.world.tenant, &scene.world.parts.store);
    let packed = store.imports.get(tenant, import.parse().unwrap()).await;
    let packed = packed.unwrap().unwrap().object_key;
    assert!(store.bucket.length(&packed).await.unwrap().is_some());
    scene.world.import_all().await;
    let told = scene.told(&import).await;
    assert_eq!(
        (&told["state"], &told["sheet"], &told["added"]),
        (&json!("completed"), &json!("People"), &json!(2)),
        "{told}"
    );
    let csv = store.imports.get(tenant, import.parse().unwrap()).await;
    let csv = csv.unwrap().unwrap().object_key;
    assert_ne!(csv, packed);
    for key in [csv, packed] {
        assert_eq!(
            store.bucket.length(&key).await.unwrap(),
            None,
            "{key} is left"
        );
    }
}

/// Dies at every single request while a workbook is read and imported.
#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_whose_import_dies_anywhere_counts_every_row_once() {
    for when in [When::Before, When::After] {
        let mut scene = Scene::new().await;
        let mut at = 1;
        loop {
            scene.campaign = scene.world.campaigns().draft().await;
            let import = scene.uploaded_workbook(xlsx(PEOPLE)).await;
            let started = scene
                .start(&import, json!({ "default_country": "US" }))
                .await;
            assert_eq!(started.status, 202, "{}", started.text);
            let died = dies(&scene, &import, at, when).await;
            finishes(&scene, &import).await;
            let told = scene.told(&import).await;
            assert_eq!(
                (&told["state"], &told["rows"], &told["added"]),
                (&json!("completed"), &json!(3), &json!(2)),
                "{told}"
            );
            assert_eq!(scene.assert_adds_up().await, 2);
            if !died {
                break;
            }
            at += 1;
        }
        scene.world.leaves(Left::NOTHING.imports(at.into()));
        assert!(at > 10, "{when:?}: it has only {at} requests to die at");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_that_takes_too_long_three_times_is_refused_by_name() {
    let scene = Scene::new().await;
    let import = scene.uploaded_workbook(xlsx(PEOPLE)).await;
    scene
        .start(&import, json!({ "default_country": "US" }))
        .await;
    scene.world.leaves(Left::NOTHING.imports(3));
    let faults = Faults::slow(&scene.world.clock, 60);
    let worker = imports_over(&faults.store(&scene.world, Who::Import), &scene.world);
    let mut ran = Vec::new();
    while ran.last() != Some(&ImportRunResult::Finished) {
        ran.push(worker.run(job(&scene, &import)).await.unwrap());
        assert!(ran.len() < 5, "{ran:?}");
    }
    let told: Value = scene.told(&import).await;
    assert_eq!(
        (&told["state"], &told["problem"]["code"]),
        (&json!("failed"), &json!("workbook_too_large")),
        "{told}"
    );
    assert_eq!(scene.assert_adds_up().await, 0);
}
