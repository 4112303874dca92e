//! What is wrong in a file: every mistake, with its line and field.

use std::error::Error;
use std::fmt;
use std::str::Utf8Error;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// The field, such as `policy "login": window`; empty for what is not TOML.
    pub field: String,
    /// What it holds, if anything, and what is allowed.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            field,
            message,
        } = self;
        write!(f, "line {line}: {field}{message}")
    }
}

/// All that is wrong in a text, in the order of its lines; one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    all: Vec<Mistake>,
}

impl Mistakes {
    /// The mistakes.
    pub fn all(&self) -> &[Mistake] {
        &self.all
    }

    /// What is no text at all has one mistake, since the rest would be guesses.
    pub(crate) fn not_utf8(bytes: &[u8], error: &Utf8Error) -> Self {
        let (before, rest) = bytes.split_at(error.valid_up_to());
        let line_start = before.iter().rposition(|byte| *byte == b'\n');
        let column = before.len() - line_start.map_or(0, |newline| newline + 1) + 1;
        let wrong = rest.first().copied().unwrap_or_default();
        let message = format!("not UTF-8: byte {column} of the line is {wrong:#04x}");
        Self {
            all: vec![Mistake {
                line: 1 + newlines(before),
                field: String::new(),
                message,
            }],
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.all.iter().enumerate() {
            let newline = if at > 0 { "\n" } else { "" };
            write!(f, "{newline}{mistake}")?;
        }
        Ok(())
    }
}

impl Error for Mistakes {}

/// Collects mistakes in a text.
pub(crate) struct Report<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
}

impl<'a> Report<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            mistakes: Vec::new(),
        }
    }

    /// A mistake at this byte.
    pub(crate) fn add(&mut self, at: usize, field: impl Into<String>, message: impl Into<String>) {
        self.mistakes.push(Mistake {
            line: self.line(at),
            field: field.into(),
            message: message.into(),
        });
    }

    /// The line of this byte, counted from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at);
        1 + newlines(before.unwrap_or(self.text.as_bytes()))
    }

    /// What was made of the text, if there was no mistake.
    pub(crate) fn unless_mistaken<T>(mut self, made: T) -> Result<T, Mistakes> {
        if self.mistakes.is_empty() {
            return Ok(made);
        }
        self.mistakes.sort_by_key(|mistake| mistake.line);
        Err(Mistakes { all: self.mistakes })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}
