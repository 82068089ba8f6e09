//! The file of rows that were kept out: mended and sent again, and written in as many messages as it takes.

use serde_json::json;
use service::lead::imports::ImportRunResult;

use super::faults::Faults;
use super::{Scene, imports_over, job};
use crate::leftovers::Left;
use crate::template::iam::Who;

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_reject_file_brings_exactly_the_mended_rows() {
    let scene = Scene::new().await;
    scene.suppress("+14155550109").await;
    let list = "Phone;First name;Note\n\
        +14155550101;Anna;=x\n\
        4155;Bob;=1+1\n\
        call me;Carl;'=x\n\
        +14155550101;Anna again;\n\
        +14155550109;Dora;\n";
    let made = scene.post("", list).await;
    assert_eq!((made.status, &made.json()["added"]), (201, &json!(1)));
    let file = scene.rejects(&made.id()).await;
    let mended = file
        .replace("\n4155;", "\n+14155550102;")
        .replace("\ncall me;", "\n+14155550103;");
    let again = scene.post("", mended.clone()).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_eq!(
        (&again.json()["added"], &again.json()["rejected"]),
        (
            &json!(2),
            &json!({ "already_in_campaign": 1, "suppressed": 1 })
        )
    );
    let leads = scene.leads().await;
    let said: Vec<String> = leads
        .iter()
        .map(|lead| format!("{} {:?}", lead.number.as_str(), lead.variables))
        .collect();
    assert_eq!(
        said,
        [
            r#"+14155550101 {"first_name": "Anna", "note": "=x"}"#,
            r#"+14155550102 {"first_name": "Bob", "note": "=1+1"}"#,
            r#"+14155550103 {"first_name": "Carl", "note": "'=x"}"#,
        ]
    );
    // Sent a third time it brings nobody.
    let third = scene.post("", mended).await;
    assert_eq!(third.json()["added"], 0, "{}", third.text);
    assert_eq!(scene.assert_adds_up().await, 3);
}

/// Every request takes half a minute: the file is written in several messages, and is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_reject_file_that_takes_long_is_written_in_several_messages() {
    let scene = Scene::new().await;
    let rows: String = (0..4_200)
        .map(|n| format!("none,Person {n},{}\n", "x".repeat(500)))
        .collect();
    let list = format!("number,name,note\n{rows}");
    let at_once = scene.uploaded(&list).await;
    scene.start(&at_once, json!({})).await;
    let ran = super::imports(&scene.world)
        .run(job(&scene, &at_once))
        .await;
    assert_eq!(ran.unwrap(), ImportRunResult::Finished);

    let slowly = scene.uploaded(&list).await;
    scene.start(&slowly, json!({})).await;
    let faults = Faults::slow(&scene.world.clock, 30);
    let worker = imports_over(&faults.store(&scene.world, Who::Import), &scene.world);
    let (mut noted, mut messages) = (0, 2);
    loop {
        let ran = worker.run(job(&scene, &slowly)).await.unwrap();
        let imports = &scene.world.parts.store.imports;
        let import = imports
            .get(scene.world.tenant, slowly.parse().unwrap())
            .await;
        noted += usize::from(import.unwrap().unwrap().reject_file.is_some());
        if ran == ImportRunResult::Finished {
            break;
        }
        messages += 1;
    }
    // Workers were called by hand: nobody took the jobs.
    scene.world.leaves(Left::NOTHING.imports(messages));
    assert!(noted > 1, "it was written in one message");
    let file = scene.rejects(&slowly).await;
    assert_eq!(file.lines().count(), 4_201);
    assert!(file == scene.rejects(&at_once).await, "another file");
}
