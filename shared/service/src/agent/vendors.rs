//! Vendors that an agent chooses, against those that the installation has settings for: looked at when the agent
//! is saved and when a call is planned, so that no call begins without its vendors.

use model::{AgentFields, element};
use settings::{Roster, VendorRole};

use crate::{Fault, FieldProblem};

/// Every name that cannot stay, at its place in the agent.
pub(crate) fn problems(agent: &AgentFields, roster: &Roster) -> Vec<FieldProblem> {
    let chosen = &agent.vendors;
    let lists = [
        (VendorRole::Recognizer, "recognizers", &chosen.recognizers),
        (VendorRole::Model, "models", &chosen.models),
        (VendorRole::Voice, "voices", &chosen.voices),
    ];
    let mut problems = Vec::new();
    for (role, field, names) in lists {
        let list = format!("/vendors/{field}");
        for (place, name) in names.iter().enumerate() {
            if let Some((fault, says)) = problem(role, names, place, name, roster) {
                problems.push(FieldProblem::new(element(&list, place), fault, says));
            }
        }
    }
    problems
}

/// The first of them, of an agent that something else names.
pub(crate) fn unfit(agent: &AgentFields, roster: &Roster) -> Option<(Fault, String)> {
    let problem = problems(agent, roster).into_iter().next()?;
    let says = format!("names an agent whose {} {}", problem.at, problem.says);
    Some((problem.fault, says))
}

fn problem(
    role: VendorRole,
    names: &[String],
    place: usize,
    name: &String,
    roster: &Roster,
) -> Option<(Fault, String)> {
    if names.iter().take(place).any(|before| before == name) {
        return Some((Fault::Repeated, "is there twice".to_owned()));
    }
    let set_up = roster.names(role);
    if set_up.contains(&name.as_str()) {
        return None;
    }
    let why = if role.names().any(|known| known == name) {
        "has no settings in this installation"
    } else {
        "is not the name of a vendor"
    };
    let role = role.word();
    let says = match set_up {
        [] => format!("{why}; no {role} is set up"),
        names => format!("{why}; {role}s that are set up: {}", names.join(", ")),
    };
    Some((Fault::NotFound, says))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;
    use model::{PromptId, VendorChoice};
    use settings::Settings;

    use super::*;

    #[test]
    fn each_name_that_cannot_stay_is_told_at_its_place() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut agent = AgentFields::new("Reminder", PromptId::from_parts(0, 0));
        agent.vendors = VendorChoice {
            recognizers: names(&["deepgram", "whisper"]),
            models: names(&["openai"]),
            voices: names(&["elevenlabs", "elevenlabs"]),
        };
        let variables = [("DEEPGRAM_API_KEY", "k"), ("ELEVENLABS_API_KEY", "k")];
        let voice = [("ELEVENLABS_VOICE_ID", "v")];
        let variables = variables.into_iter().chain(voice);
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::from_variables(&variables.collect::<BTreeMap<_, _>>()).unwrap();
        let problems = problems(&agent, &settings.roster());
        let shown: Vec<_> = problems
            .iter()
            .map(|one| format!("{} {} {}", one.at, one.fault.code(), one.says))
            .collect();
        expect![[r#"
            /vendors/recognizers/1 not_found is not the name of a vendor; recognizers that are set up: deepgram
            /vendors/models/0 not_found has no settings in this installation; no model is set up
            /vendors/voices/1 repeated is there twice"#]].assert_eq(&shown.join("\n"));
    }
}
