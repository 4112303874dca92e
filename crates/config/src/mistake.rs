//! What is wrong in a file: every mistake, with its line and field.

use std::error::Error;
use std::fmt;

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
        let before = self.text.bytes().take(at);
        self.mistakes.push(Mistake {
            line: 1 + before.filter(|byte| *byte == b'\n').count(),
            field: field.into(),
            message: message.into(),
        });
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
