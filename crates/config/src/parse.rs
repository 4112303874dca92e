//! From a text to policies, or to all that is wrong in it.

use std::collections::BTreeMap;

use tidegate_limiter::{Policy, PolicyName};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Mistakes;
use crate::fields::Fields;
use crate::mistake::Report;
use crate::outage::outage;
use crate::quota::quota;
use crate::value::{in_one_line, named};

const FIELDS: &[&str] = &[
    "name",
    "limit",
    "window",
    "algorithm",
    "burst",
    "tolerance",
    "outage",
    "shadow",
];
/// What toml says of a key that is there already. It does not say which, but where.
const TWICE: &str = "duplicate key";
const FORM: &str = "every policy begins with a line [[policy]]";

/// A policy, and the line that it begins with.
pub(crate) struct Located {
    pub(crate) policy: Policy,
    pub(crate) line: usize,
}

/// Makes policies of a text; the [crate]'s page shows one.
///
/// # Errors
///
/// If there is a mistake in it, or no policy. All mistakes are told, unless the text is not TOML: then what is not,
/// because the rest would be guesses.
pub fn parse(text: &str) -> Result<Vec<Policy>, Mistakes> {
    let located = located(text)?;
    Ok(located.into_iter().map(|it| it.policy).collect())
}

pub(crate) fn located(text: &str) -> Result<Vec<Located>, Mistakes> {
    let mut report = Report::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().unwrap_or_default();
        let key = text.get(at.clone()).filter(|_| error.message() == TWICE);
        let key = key.map_or_else(String::new, |key| format!(": {}", in_one_line(key)));
        report.add(at.start, "", format!("not TOML: {}{key}", error.message()));
    }
    if !report.is_empty() {
        return report.unless_mistaken(Vec::new());
    }
    let policies = policies(document.get_ref(), &mut report);
    report.unless_mistaken(policies)
}

fn policies(document: &DeTable<'_>, report: &mut Report<'_>) -> Vec<Located> {
    for name in document.keys().filter(|name| *name.get_ref() != "policy") {
        let message = format!(": there is no such field; {FORM}");
        report.add(name.span().start, named(name.get_ref()), message);
    }
    let Some(list) = document.get("policy") else {
        if report.is_empty() {
            report.add(0, "", format!("no policies: {FORM}"));
        }
        return Vec::new();
    };
    let Some(list) = list.get_ref().as_array() else {
        report.add(list.span().start, "policy", format!(": {FORM}"));
        return Vec::new();
    };
    let mut names = BTreeMap::new();
    let policies = list.iter().enumerate().filter_map(|(at, value)| {
        let fields = table(value, at, report)?;
        check_name(&fields, at, &mut names, report);
        let policy = policy(&fields, report)?;
        let line = report.line(fields.at());
        Some(Located { policy, line })
    });
    let policies: Vec<Located> = policies.collect();
    if policies.is_empty() && report.is_empty() {
        report.add(0, "", format!("no policies: {FORM}"));
    }
    policies
}

/// The policy's fields; in mistakes it is called by its name, or by its number if it has none.
fn table<'a>(
    value: &'a Spanned<DeValue<'a>>,
    at: usize,
    report: &mut Report<'_>,
) -> Option<Fields<'a>> {
    let Some(table) = value.get_ref().as_table() else {
        report.add(
            value.span().start,
            format!("policy {}", at + 1),
            format!(": {FORM}"),
        );
        return None;
    };
    let name = table.get("name").and_then(|name| name.get_ref().as_str());
    let owner = match name {
        Some(name) => format!("policy {name:?}"),
        None => format!("policy {}", at + 1),
    };
    Some(Fields::new(table, value.span(), owner))
}

fn check_name<'a>(
    fields: &Fields<'a>,
    at: usize,
    names: &mut BTreeMap<&'a str, usize>,
    report: &mut Report<'_>,
) {
    let Some(name) = fields.text("name") else {
        return;
    };
    if let Err(reason) = PolicyName::check(name) {
        fields.wrong("name", &reason.to_string(), report);
    } else if let Some(first) = names.insert(name, at + 1) {
        let message = format!("policy {first} of this file has that name already");
        fields.wrong("name", &message, report);
    }
}

/// The policy, as far as it is right: whether it is, the report says.
fn policy(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Policy> {
    fields.nothing_but(FIELDS, report);
    let name: Option<String> = fields.required("name", report);
    let quota = quota(fields, report);
    let tolerance = fields.optional("tolerance", report);
    let outage = outage(fields, report);
    let shadow = fields.optional("shadow", report);
    let mut policy = Policy::new(name?, quota?).shadow(shadow.unwrap_or(false));
    if let Some(tolerance) = tolerance {
        policy = policy.tolerance(tolerance);
    }
    if let Some(outage) = outage {
        policy = policy.outage(outage);
    }
    Some(policy)
}
