//! What the terminal says before and after the first scene: what is simulated, where things are, and
//! which command places the next call.

use providers::vendors::Vendor;
use settings::VendorRole;

use crate::KEY_FILE;
use crate::LOG_FILE;
use crate::demo::people;
use crate::demo::scene::say;
use crate::platform::Platform;
use carrier::CarrierName;

/// Says what is running.
pub(crate) fn introduce(platform: &Platform) {
    let settings = platform.settings();
    say(&format!(
        "Trunkline {} — everything in this process",
        env!("CARGO_PKG_VERSION")
    ));
    let side = |what: &str, vendor: &str, simulated: bool, base: &url::Url| {
        let kind = if simulated { "SIMULATED" } else { "real" };
        say(&format!("  {what:<12} {vendor:<11} {kind:<10} {base}"));
    };
    side(
        "carrier",
        CarrierName::OF_SETTINGS.row().label,
        settings.carrier.simulated,
        &settings.carrier.base_url,
    );
    for role in VendorRole::ALL {
        for vendor in Vendor::of_chain(role, settings) {
            let its = (vendor.settings)(settings);
            side(role.word(), vendor.title, its.simulated, &its.base_url);
        }
    }
    say(&format!(
        "  state in {}, API at {}",
        settings.local.state_dir.display(),
        platform.url()
    ));
    say(&format!(
        "  what happens besides is in {}",
        settings.local.state_dir.join(LOG_FILE).display()
    ));
    let key_file = settings.local.state_dir.join(KEY_FILE);
    if platform.owner().fresh {
        say(&format!(
            "  the owner's API key, shown this once and kept in {}: {}",
            key_file.display(),
            platform.owner().key.expose()
        ));
    } else {
        say(&format!(
            "  the owner's API key is in {}",
            key_file.display()
        ));
    }
}

/// Says how to go on.
pub(crate) fn explain(platform: &Platform) {
    let base = platform.url();
    let key_file = platform.settings().local.state_dir.join(KEY_FILE);
    say("\nStill running. Place the next call:\n");
    say(&format!(
        "  curl {base}v1/calls -H \"Authorization: Bearer $(cat {})\" -H 'Content-Type: application/json' \\",
        key_file.display()
    ));
    let to = people::CHARACTERS[1].number;
    say(&format!(
        "    -d '{{\"agent_id\":\"{}\",\"to\":\"{to}\",\"variables\":{{\"name\":\"Sam\",\"day\":\"Monday\",\"time\":\"nine\"}},\"override\":{{\"reason\":\"a test call\"}}}}'",
        platform.agent_id()
    ));
    if platform.far_side.carrier.is_some() {
        say("\nSimulated people to call (any other number is somebody like the second):\n");
        for person in people::CHARACTERS {
            say(&format!("  {}  {}", person.number, person.about));
        }
    }
    say(&format!(
        "\n  API description {base}v1/openapi.json   health {base}health   metrics {base}metrics"
    ));
    say("  Ctrl-C stops; calls that are running may end first. A second one quits at once.");
}
