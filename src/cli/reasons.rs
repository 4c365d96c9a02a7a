//! Why somebody is, or is not, written for, as `plan` shows it.

use serde_json::{Value, json};

use super::output;
use crate::model::reasoning::Reasoning;

/// For programs.
pub(super) fn as_json(name: &str, reasoning: &Reasoning) -> Value {
    let mut value = json!(reasoning);
    value["name"] = json!(name);
    value
}

/// Prints one person's.
pub(super) fn print(name: &str, reasoning: &Reasoning) {
    output::line(&format!("{name} is {}", reasoning.presence));
    if reasoning.products.is_empty() {
        output::line("no product is wanted");
    } else {
        let mut table = output::table(["product", "would be done", "stands", "rule", "why"]);
        for reason in &reasoning.products {
            let rule = reason.rule.clone().unwrap_or_default();
            let (outcome, standing) = (reason.outcome.word().to_owned(), reason.standing.clone());
            output::row(&mut table, [reason.product.clone(), outcome, standing, rule, reason.why.clone()]);
        }
        output::show(&table);
    }
    output::line("");
    let mut table = output::table(["rule", "product", "comes to", "why"]);
    for reason in &reasoning.rules {
        let verdict = reason.verdict.word().to_owned();
        output::row(&mut table, [reason.rule.clone(), reason.product.clone(), verdict, reason.why.clone()]);
    }
    output::show(&table);
}
