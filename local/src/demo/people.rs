//! Simulated people that the laptop run can call, by number.

use anyhow::Context as _;
use sim::carriers::stand_in::Directory;
use sim::person::Person;

use crate::demo::scene::cast::{CAST, CROWD};

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Character {
    pub number: &'static str,
    /// What the person does, in half a sentence.
    pub about: &'static str,
    script: &'static str,
}

/// All of them. Any other number reaches somebody like the second.
pub const CHARACTERS: &[Character] = &[
    Character {
        number: "+14155550100",
        about: "interrupts the greeting, agrees and says goodbye",
        script: r#"
            answers after 1 rings
            interrupts after 4 words
            says "Yes, I will be there. Goodbye."
        "#,
    },
    Character {
        number: "+14155550101",
        about: "listens, agrees, asks about parking and says goodbye",
        script: r#"
            answers after 2 rings
            says "Yes, I can make it."
            says "Is there any parking?"
            says "No, thank you. Goodbye."
        "#,
    },
    Character {
        number: "+14155550102",
        about: "only mumbles along, then hangs up in mid-sentence",
        script: r#"
            answers after 1 rings
            mumbles "mm-hm"
            hangs up after 2500ms
        "#,
    },
    Character {
        number: "+14155550103",
        about: "says nothing at all",
        script: "answers after 1 rings\nwaits 600000ms",
    },
    Character {
        number: "+14155550104",
        about: "is a mailbox",
        script: "voicemail \"Hello, please leave a message after the tone.\"\nbeep",
    },
    Character {
        number: "+14155550105",
        about: "is busy",
        script: "busy",
    },
    Character {
        number: "+14155550106",
        about: "lets it ring",
        script: "no answer",
    },
];

/// The simulated carrier's phone book.
///
/// # Errors
/// When a script above cannot be read, which a test rules out.
pub fn directory() -> anyhow::Result<Directory> {
    let mut directory = Directory::everybody(person(&CHARACTERS[1])?);
    for character in CHARACTERS {
        directory = directory.with(character.number, person(character)?);
    }
    for member in CAST.iter().chain(CROWD) {
        for script in member.scripts {
            let person = script
                .parse()
                .with_context(|| format!("reading the script of {}", member.name))?;
            directory = directory.with_next(&member.number(), person);
        }
    }
    Ok(directory)
}

fn person(character: &Character) -> anyhow::Result<Person> {
    let script = character.script.trim();
    script
        .parse()
        .with_context(|| format!("reading the script of {}", character.number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_can_be_read() {
        directory().unwrap();
    }
}
