//! The fields of one table: taken one by one, and none may be left.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mistake::Report;
use crate::value::{Value, named, shown};

/// A table's fields, and what to call the table in a mistake.
pub(crate) struct Fields<'a> {
    table: &'a DeTable<'a>,
    at: Range<usize>,
    owner: String,
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(table: &'a DeTable<'a>, at: Range<usize>, owner: String) -> Self {
        Self { table, at, owner }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at.start
    }

    /// The value of a field that may be missing. One that is not what it should be is a mistake.
    pub(crate) fn optional<T: Value>(&self, name: &str, report: &mut Report<'_>) -> Option<T> {
        let value = self.table.get(name)?;
        let taken = T::take(value.get_ref());
        if taken.is_none() {
            self.wrong(name, &format!("it must be {}", T::EXPECTED), report);
        }
        taken
    }

    /// The value of a field that must be there.
    pub(crate) fn required<T: Value>(&self, name: &str, report: &mut Report<'_>) -> Option<T> {
        if !self.has(name) {
            let message = format!("{name} is missing: it must be {}", T::EXPECTED);
            report.add(self.at(), format!("{}: ", self.owner), message);
        }
        self.optional(name, report)
    }

    /// The fields of a field that is a table.
    pub(crate) fn inner(&self, name: &str) -> Option<Self> {
        let value = self.table.get(name)?;
        let owner = format!("{}: {name}", self.owner);
        Some(Self::new(value.get_ref().as_table()?, value.span(), owner))
    }

    /// What a field holds is a mistake.
    pub(crate) fn wrong(&self, name: &str, message: &str, report: &mut Report<'_>) {
        let value = self.table.get(name);
        let at = value.map_or_else(|| self.at.clone(), Spanned::span);
        let given = value.map_or_else(String::new, |value| format!(" {}", shown(value.get_ref())));
        let field = format!("{}: {name}", self.owner);
        report.add(at.start, field, format!("{given}: {message}"));
    }

    /// Every other field than these is a mistake.
    pub(crate) fn nothing_but(&self, known: &[&str], report: &mut Report<'_>) {
        for name in self.table.keys() {
            if !known.contains(&&**name.get_ref()) {
                let field = format!("{}: {}", self.owner, named(name.get_ref()));
                let message = format!(": there is no such field; there are {}", known.join(", "));
                report.add(name.span().start, field, message);
            }
        }
    }

    /// The value of a field, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.table.get(name).map(Spanned::get_ref)?.as_str()
    }

    /// Whether the field is there, right or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Whether the field is there, and a table.
    pub(crate) fn is_table(&self, name: &str) -> bool {
        let value = self.table.get(name).map(Spanned::get_ref);
        value.is_some_and(DeValue::is_table)
    }
}
