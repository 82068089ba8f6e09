//! What the simulated model says: rules on the last words of the customer, the number of the turn and
//! the results of tools. The first rule that fits answers; when none does, a general answer that would
//! not embarrass an assistant on any phone call.

use std::collections::BTreeMap;

/// Decides what is said next.
pub trait Brain: Send + Sync {
    fn reply(&self, conversation: &Conversation<'_>) -> Reply;
}

/// The conversation as the request tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation<'a> {
    pub system: &'a str,
    /// Everything the customer said, a text per turn.
    pub customer: &'a [String],
    /// Everything the agent said, a text per message.
    pub agent: &'a [String],
    /// Names of the tools that are offered.
    pub tools: &'a [String],
    pub last: Last<'a>,
}

/// The last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last<'a> {
    Customer(&'a str),
    Agent,
    /// A tool's result, with the name of the tool.
    Tool {
        name: &'a str,
        content: &'a str,
    },
    /// Nothing but instructions.
    Nobody,
}

/// What is said and done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    pub text: String,
    /// Name and arguments (JSON text) of tools to call after the text, in order.
    pub tools: Vec<(String, String)>,
}

/// A list of rules.
#[derive(Debug, Clone, Default)]
pub struct Script {
    rules: Vec<(When, Reply)>,
}

/// When a rule answers: every condition that was set must hold.
#[derive(Debug, Clone, Default)]
pub struct When {
    phrases: Vec<String>,
    turn: Option<usize>,
    after: Option<String>,
    unless: Vec<String>,
    tool: Option<String>,
}

/// Turns after which the general answers say goodbye.
const GENERAL_TURNS_MAX: usize = 8;

impl Reply {
    /// Says `text`. `{name}` in it is the fact of that name in the system prompt, which is a line
    /// `name: value` there, and `{name|other}` is `other` where there is no such line.
    #[must_use]
    pub fn says(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            tools: Vec::new(),
        }
    }

    /// And calls a tool after it.
    #[must_use]
    pub fn and_calls(mut self, name: &str, arguments: &str) -> Self {
        self.tools.push((name.to_owned(), arguments.to_owned()));
        self
    }

    /// And ends the call after it.
    #[must_use]
    pub fn and_ends_the_call(self) -> Self {
        self.and_calls("end_call", "{}")
    }
}

impl When {
    /// Always.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// The customer's last words contain one of these phrases, whole words, whatever case and
    /// punctuation.
    #[must_use]
    pub fn customer_says(phrases: &[&str]) -> Self {
        Self {
            phrases: phrases.iter().map(|phrase| plain(phrase)).collect(),
            ..Self::default()
        }
    }

    /// A tool of this name has just answered.
    #[must_use]
    pub fn tool_answered(name: &str) -> Self {
        Self {
            tool: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// It is the customer's turn number `turn`, from 1.
    #[must_use]
    pub fn on_turn(mut self, turn: usize) -> Self {
        self.turn = Some(turn);
        self
    }

    /// The agent's last words contain this phrase.
    #[must_use]
    pub fn after_agent_said(mut self, phrase: &str) -> Self {
        self.after = Some(plain(phrase));
        self
    }

    /// The agent has not said this phrase before.
    #[must_use]
    pub fn unless_agent_said(mut self, phrase: &str) -> Self {
        self.unless.push(plain(phrase));
        self
    }

    fn holds(&self, conversation: &Conversation<'_>) -> bool {
        let last = match (conversation.last, &self.tool) {
            (Last::Tool { name, .. }, Some(wanted)) => {
                return name == wanted;
            }
            (_, Some(_)) | (Last::Tool { .. }, None) => return false,
            (Last::Customer(text), None) => plain(text),
            (Last::Agent | Last::Nobody, None) => String::new(),
        };
        let phrase = self.phrases.is_empty() || says_any(&last, &self.phrases);
        let turn = self
            .turn
            .is_none_or(|turn| turn == conversation.customer.len());
        let after = self.after.as_ref().is_none_or(|phrase| {
            let said = conversation.agent.last().map(|said| plain(said));
            said.is_some_and(|said| has_phrase(&said, phrase))
        });
        let said_before = |phrase: &String| {
            (conversation.agent.iter()).any(|said| has_phrase(&plain(said), phrase))
        };
        phrase && turn && after && !self.unless.iter().any(said_before)
    }
}

impl Script {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule after those before it.
    #[must_use]
    pub fn on(mut self, when: When, reply: Reply) -> Self {
        self.rules.push((when, reply));
        self
    }

    /// A dental clinic reminds a patient of an appointment, answers questions, offers another time,
    /// and says goodbye.
    #[must_use]
    pub fn dental_reminder() -> Self {
        let anything_else = "Is there anything else you would like to know?";
        let farewell = Reply::says("Thank you, and see you soon. Goodbye!").and_ends_the_call();
        Self::new()
            .on(
                When::customer_says(&["wrong number", "stop calling", "do not call", "don't call", "take me off"]),
                Reply::says("I am sorry for the disturbance. You will not hear from us again. Goodbye!").and_ends_the_call(),
            )
            .on(
                When::customer_says(&["goodbye", "bye", "bye bye", "that is all", "that's all", "nothing else", "no thank you", "no thanks"]),
                farewell.clone(),
            )
            .on(
                When::customer_says(&["no", "nope"]).after_agent_said("anything else"),
                farewell.clone(),
            )
            .on(
                When::customer_says(&["who is this", "who's this", "who is calling", "who's calling", "are you a robot", "are you a machine"]),
                Reply::says("I am the automated assistant of {clinic|Bright Dental}. I am calling about your appointment on {day|Tuesday}. Can you make it?"),
            )
            .on(
                When::customer_says(&["park", "parking"]),
                Reply::says(&format!("Yes, parking is free behind the building, and the entrance is on Mill Lane. {anything_else}")),
            )
            .on(
                When::customer_says(&["bring", "insurance", "card"]),
                Reply::says(&format!("Please bring your insurance card, and come five minutes early. {anything_else}")),
            )
            .on(
                When::customer_says(&["how long", "take long", "how much", "cost"]),
                Reply::says(&format!("The check-up takes about 30 minutes, and your insurance covers all of it. {anything_else}")),
            )
            .on(
                When::customer_says(&["another day", "another time", "different time", "different day", "reschedule", "change it", "cannot", "can't", "can not", "not make it", "no"]),
                Reply::says("That is no problem. We could also see you on Thursday at 2:15 p.m., would that suit you better?"),
            )
            .on(
                When::customer_says(&["thursday", "yes", "sure", "okay", "ok", "fine", "good", "works"]).after_agent_said("suit you better"),
                Reply::says(&format!("Done, you are booked for Thursday at 2:15 p.m. instead. {anything_else}")),
            )
            .on(
                When::customer_says(&["what time", "which time", "when", "what day", "which day", "say again", "repeat", "pardon", "sorry"]),
                Reply::says("Your appointment with {dentist|Dr. Patel} is on {day|Tuesday} at {time|10:30 a.m.}, at our practice on Mill Lane. Can you make it?"),
            )
            .on(
                When::customer_says(&["yes", "yeah", "yep", "sure", "okay", "ok", "fine", "good", "great", "works", "be there", "will be there"])
                    .unless_agent_said("you are confirmed"),
                Reply::says(&format!("Wonderful, you are confirmed for {{day|Tuesday}} at {{time|10:30 a.m.}} with {{dentist|Dr. Patel}}. {anything_else}")),
            )
            .on(
                When::customer_says(&["thank you", "thanks"]).after_agent_said("anything else"),
                farewell,
            )
            .on(
                When::any().on_turn(1),
                Reply::says("I am calling from {clinic|Bright Dental} to remind you of your appointment on {day|Tuesday} at {time|10:30 a.m.} with {dentist|Dr. Patel}. Can you make it?"),
            )
    }
}

impl Brain for Script {
    fn reply(&self, conversation: &Conversation<'_>) -> Reply {
        let rule = (self.rules.iter()).find(|(when, _)| when.holds(conversation));
        let mut reply = match rule {
            Some((_, reply)) => reply.clone(),
            None => general(conversation),
        };
        reply.text = fill(&reply.text, &facts(conversation.system));
        // A model only calls what it was offered.
        reply
            .tools
            .retain(|(name, _)| conversation.tools.iter().any(|tool| tool == name));
        reply
    }
}

/// Says something sensible whatever the call is about.
fn general(conversation: &Conversation<'_>) -> Reply {
    let text = match conversation.last {
        // The result of a tool that needs no words, such as the end of the call.
        Last::Tool {
            name: "end_call", ..
        } => return Reply::default(),
        Last::Tool { .. } => return Reply::says("Thank you for waiting. That is done."),
        Last::Agent | Last::Nobody => return Reply::says("Hello, how can I help you?"),
        Last::Customer(text) => text,
    };
    let words = plain(text);
    let over = [
        "goodbye",
        "bye",
        "that is all",
        "thats all",
        "not interested",
        "stop",
    ];
    let over: Vec<_> = over.iter().map(|phrase| plain(phrase)).collect();
    if says_any(&words, &over) || conversation.customer.len() >= GENERAL_TURNS_MAX {
        return Reply::says("Thank you for your time. Goodbye.").and_ends_the_call();
    }
    if words.contains("garbled") || words.is_empty() {
        return Reply::says("I am sorry, the line is bad. Could you say that again, please?");
    }
    let question = [
        "what", "when", "where", "who", "why", "how", "which", "can", "could", "do", "does", "is",
        "are",
    ];
    let first = words.split(' ').next().unwrap_or_default();
    if text.trim_end().ends_with('?') || question.contains(&first) {
        return Reply::says(
            "That is a good question. I will pass it on, and somebody will call you back today. What else can I do for you?",
        );
    }
    Reply::says("I see, thank you. I have made a note of that. What else can I do for you?")
}

/// Lower case words, one space between them, nothing else.
fn plain(text: &str) -> String {
    let kept = text
        .chars()
        .filter(|char| *char != '\'' && *char != '\u{2019}');
    let spaced: String = kept
        .map(|char| if char.is_alphanumeric() { char } else { ' ' })
        .collect();
    let words: Vec<_> = spaced.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

fn says_any(text: &str, phrases: &[String]) -> bool {
    phrases.iter().any(|phrase| has_phrase(text, phrase))
}

/// Whether whole words of `text` are `phrase`. Both plain.
fn has_phrase(text: &str, phrase: &str) -> bool {
    format!(" {text} ").contains(&format!(" {phrase} "))
}

/// Lines `name: value` of the system prompt, names in lower case.
fn facts(system: &str) -> BTreeMap<String, &str> {
    let lines = system.lines().filter_map(|line| line.split_once(':'));
    let named =
        lines.filter(|(name, _)| !name.trim().is_empty() && name.trim().split(' ').count() == 1);
    named
        .map(|(name, value)| (name.trim().to_lowercase(), value.trim()))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Puts facts in place of `{name|other}`. A brace that opens no such place stays.
fn fill(text: &str, facts: &BTreeMap<String, &str>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, open)) = rest.split_once('{') {
        let Some((place, after)) = open.split_once('}') else {
            break;
        };
        let (name, other) = place.split_once('|').unwrap_or((place, ""));
        filled.push_str(before);
        filled.push_str(facts.get(name).copied().unwrap_or(other));
        rest = after;
    }
    filled.push_str(rest);
    filled
}
