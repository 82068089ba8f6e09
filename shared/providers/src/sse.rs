//! Server-sent events out of a stream of bytes that may be cut anywhere.
//!
//! Follows the `text/event-stream` format of the WHATWG HTML standard. Knows lines, fields and
//! comments; not what the data means.

use std::ops::Range;

/// Longest event that is taken. The largest real ones, whole tool calls, have some kilobytes.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// A parser; feed it with [`Parser::push`] and take events until there is none.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: Vec<u8>,
    /// Bytes of the buffer that are dealt with.
    read: usize,
    /// Bytes after `read` that are known to have no line end.
    searched: usize,
    /// The last line ended with a carriage return: a line feed right after it belongs to it.
    after_return: bool,
    /// Not the first line any more.
    begun: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// What the last event handed out was made of.
    event: (Vec<u8>, Vec<u8>),
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field; empty when there was none.
    pub name: &'a str,
    /// The `data:` lines, joined by line feeds.
    pub data: &'a str,
}

/// Why an event cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("an event is longer than the limit")]
    TooLong,
    #[error("an event is not UTF-8")]
    NotText,
}

impl Parser {
    /// Adds what was received. Take all events before the next piece, so that the buffer stays small.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event.
    ///
    /// # Errors
    /// The event cannot be read. The stream is of no use any more.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Problem> {
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                if self.has_data {
                    return self.dispatch().map(Some);
                }
                self.name.clear();
            } else {
                self.field(line);
            }
            if self.data.len() > EVENT_BYTES_MAX {
                return Err(Problem::TooLong);
            }
        }
        if self.buffer.len() - self.read > EVENT_BYTES_MAX {
            return Err(Problem::TooLong);
        }
        Ok(None)
    }

    /// The event that was not ended when the stream did: the standard drops it, but some hosts leave
    /// out the last empty line.
    ///
    /// # Errors
    /// The event cannot be read.
    pub fn last_event(&mut self) -> Result<Option<Event<'_>>, Problem> {
        let rest = self.read..self.buffer.len();
        self.read = self.buffer.len();
        self.searched = 0;
        if !rest.is_empty() {
            self.field(rest);
        }
        if self.has_data {
            self.dispatch().map(Some)
        } else {
            Ok(None)
        }
    }

    fn dispatch(&mut self) -> Result<Event<'_>, Problem> {
        let (name, data) = &mut self.event;
        std::mem::swap(name, &mut self.name);
        std::mem::swap(data, &mut self.data);
        self.name.clear();
        self.data.clear();
        self.has_data = false;
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_not_utf8| Problem::NotText);
        Ok(Event {
            name: text(name)?,
            data: text(data)?,
        })
    }

    /// Where the next whole line lies in the buffer, its end left out.
    fn next_line(&mut self) -> Option<Range<usize>> {
        if self.after_return {
            let next = *self.buffer.get(self.read)?;
            self.after_return = false;
            if next == b'\n' {
                self.read += 1;
            }
        }
        let start = self.read;
        let unsearched = self.buffer.get(start + self.searched..)?;
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let Some(length) = unsearched.iter().position(is_end) else {
            self.searched += unsearched.len();
            return None;
        };
        let end = start + self.searched + length;
        self.after_return = self.buffer.get(end) == Some(&b'\r');
        self.searched = 0;
        self.read = end + 1;
        Some(start..end)
    }

    fn field(&mut self, line: Range<usize>) {
        let mut line = self.buffer.get(line).unwrap_or_default();
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => line.split_at(colon),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // An empty field is a comment: hosts send them to keep the connection. `id` and `retry`
            // are for clients that reconnect.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every event as `name|data`, from pieces of these sizes.
    fn events(stream: &[u8], pieces: &[usize]) -> Vec<String> {
        let mut parser = Parser::default();
        let mut told = Vec::new();
        let mut take = |event: Event<'_>| told.push(format!("{}|{}", event.name, event.data));
        let mut rest = stream;
        let mut sizes = pieces.iter().copied().chain(std::iter::repeat(usize::MAX));
        while !rest.is_empty() {
            let size = sizes.next().unwrap_or(1).clamp(1, rest.len());
            let (piece, later) = rest.split_at(size);
            rest = later;
            parser.push(piece);
            while let Ok(Some(event)) = parser.next_event() {
                take(event);
            }
        }
        if let Ok(Some(event)) = parser.last_event() {
            take(event);
        }
        told
    }

    #[test]
    fn events_come_out_of_every_way_to_write_them() {
        let stream = "\u{FEFF}: welcome\n\ndata: one\n\nevent: error\r\ndata:two\r\ndata:  2\r\n\r\n\
                      id: 7\rretry: 5\rdata\r\rdata: caf\u{e9}\n\n:\n\nevent: lonely\n\ndata: [DONE]";
        assert_eq!(
            events(stream.as_bytes(), &[]),
            ["|one", "error|two\n 2", "|", "|café", "|[DONE]"]
        );
    }

    #[test]
    fn a_line_that_never_ends_is_given_up() {
        let mut parser = Parser::default();
        for _ in 0..EVENT_BYTES_MAX / 1024 {
            parser.push(&[b'x'; 1024]);
            assert_eq!(parser.next_event(), Ok(None));
        }
        parser.push(b"x");
        assert_eq!(parser.next_event(), Err(Problem::TooLong));
    }

    #[test]
    fn an_event_of_endless_lines_is_given_up() {
        let mut parser = Parser::default();
        let given_up = (0..300).any(|_| {
            parser.push(b"data: ");
            parser.push(&[b'x'; 1024]);
            parser.push(b"\n");
            parser.next_event() == Err(Problem::TooLong)
        });
        assert!(given_up);
    }

    #[test]
    fn what_is_not_text_is_said_to_be_so() {
        let mut parser = Parser::default();
        parser.push(b"data: \xFF\n\n");
        assert_eq!(parser.next_event(), Err(Problem::NotText));
    }

    proptest! {
        #[test]
        fn cutting_the_stream_anywhere_changes_nothing(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just(String::new()), Just("data: [DONE]".to_owned()), Just(": c".to_owned()),
                    "data: ?[a-zé€😀:]{0,8}", "event: [a-z]{0,4}", ".{0,5}",
                ], 0..20),
            ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 20),
            pieces in proptest::collection::vec(1_usize..7, 0..200),
        ) {
            let lines = lines.iter().zip(ends);
            let stream: String = lines.flat_map(|(line, end)| [line.as_str(), end]).collect();
            prop_assert_eq!(events(stream.as_bytes(), &pieces), events(stream.as_bytes(), &[]));
        }

        #[test]
        fn no_bytes_are_a_panic(stream: Vec<u8>, pieces in proptest::collection::vec(1_usize..9, 0..50)) {
            let _any = events(&stream, &pieces);
        }
    }
}
