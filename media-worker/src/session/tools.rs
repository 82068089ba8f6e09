//! The tools that an agent's model can use and that act outside the conversation.
//!
//! `end_call` is not here: ending is the core's own doing. A tool is told the arguments as the model
//! wrote them and answers with text for the model, good or bad; it runs inside the session's task.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use conversation::{ToolCall, ToolSpec};
use futures_util::future::BoxFuture;

/// The longest a customer can be kept waiting for a tool.
pub const TOOL_WAIT_MAX: Duration = Duration::from_secs(10);

/// Tools of one call that run at a time. One more is refused, and the model is told so.
pub const TOOLS_RUNNING_MAX: usize = 8;

/// Something that a model can have done.
pub trait Tool: Send + Sync {
    /// What the model is told of it. The name is what it is called by.
    fn spec(&self) -> ToolSpec;

    /// Does it. Both the result and the error are told to the model in these words.
    fn run(&self, arguments: String) -> BoxFuture<'static, Result<String, String>>;
}

/// Tools by the name that the model knows them by.
#[derive(Clone, Default)]
pub struct Tools(Arc<BTreeMap<String, Box<dyn Tool>>>);

/// The tools of one call that are running.
#[derive(Default)]
pub(crate) struct Running(Vec<(String, BoxFuture<'static, Result<String, String>>)>);

impl Tools {
    #[must_use]
    pub fn new(tools: impl IntoIterator<Item = Box<dyn Tool>>) -> Self {
        let named = tools.into_iter().map(|tool| (tool.spec().name, tool));
        Self(Arc::new(named.collect()))
    }

    /// What the model is told of them.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.0.values().map(|tool| tool.spec()).collect()
    }
}

impl Running {
    /// Starts `call`. What is wrong with it comes as its result.
    pub(crate) fn start(&mut self, tools: &Tools, call: ToolCall) {
        let done = if self.0.len() >= TOOLS_RUNNING_MAX {
            refused("too many tools are running")
        } else if let Some(tool) = tools.0.get(&call.name) {
            let work = tool.run(call.arguments);
            Box::pin(async move {
                tokio::time::timeout(TOOL_WAIT_MAX, work)
                    .await
                    .unwrap_or_else(|_elapsed| Err("the tool took too long".to_owned()))
            })
        } else {
            refused("there is no tool of this name")
        };
        self.0.push((call.id, done));
    }

    /// The next result, with the id of its call.
    pub(crate) fn poll_done(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(String, Result<String, String>)> {
        for (place, (_, work)) in self.0.iter_mut().enumerate() {
            if let Poll::Ready(result) = work.as_mut().poll(cx) {
                let (id, _done) = self.0.swap_remove(place);
                return Poll::Ready((id, result));
            }
        }
        Poll::Pending
    }
}

fn refused(why: &str) -> BoxFuture<'static, Result<String, String>> {
    Box::pin(std::future::ready(Err(why.to_owned())))
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    struct Weather;
    impl Tool for Weather {
        fn spec(&self) -> ToolSpec {
            ToolSpec {
                name: "weather".to_owned(),
                description: "Tells the weather.".to_owned(),
                parameters: "{}".to_owned(),
            }
        }

        fn run(&self, arguments: String) -> BoxFuture<'static, Result<String, String>> {
            Box::pin(async move {
                if arguments == "{}" {
                    std::future::pending::<()>().await;
                }
                Ok("rain".to_owned())
            })
        }
    }

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_tool_call_has_an_answer() {
        let weather: Box<dyn Tool> = Box::new(Weather);
        let tools = Tools::new([weather]);
        let mut running = Running::default();
        running.start(&tools, call("1", "weather", "{}"));
        running.start(&tools, call("2", "weather", "{\"city\":\"Pune\"}"));
        running.start(&tools, call("3", "stocks", "{}"));
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(poll_fn(|cx| running.poll_done(cx)).await);
        }
        answers.sort();
        assert_eq!(
            answers,
            [
                ("1".to_owned(), Err("the tool took too long".to_owned())),
                ("2".to_owned(), Ok("rain".to_owned())),
                (
                    "3".to_owned(),
                    Err("there is no tool of this name".to_owned())
                ),
            ]
        );
    }
}
