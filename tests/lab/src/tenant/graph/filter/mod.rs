//! `$filter` on users and groups: comparisons joined by `and` or by `or`, without brackets around them; what needs an
//! advanced query is refused without one.

mod fields;
mod words;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use self::fields::Fields;
use self::words::{Word, words};
use crate::tenant::{reply::GraphError, state::State};

/// Clauses that one `or` or `in` may hold.
const MAX_CLAUSES: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    In,
    Ge,
    Le,
    StartsWith,
    EndsWith,
    /// `assignedLicenses/any(x:x/skuId eq …)`
    HoldsSku,
    /// `assignedLicenses/$count eq …`
    CountEq,
    /// `assignedLicenses/$count ne …`
    CountNe,
}

/// What can be filtered.
pub(super) trait Filtered {
    /// A property as a read shows it.
    fn value(&self, name: &str) -> Value;
    /// What it holds or gives.
    fn skus(&self) -> BTreeSet<Uuid>;
}

#[derive(Debug)]
struct Clause {
    property: String,
    operator: Operator,
    values: Vec<Value>,
    negated: bool,
}

/// A parsed `$filter`.
#[derive(Debug)]
pub(super) struct Filter {
    clauses: Vec<Clause>,
    any: bool,
}

impl Filter {
    /// Parses; `advanced` says whether the request has both `ConsistencyLevel: eventual` and `$count=true`.
    pub(super) fn parse(text: &str, fields: Fields, advanced: bool) -> Result<Self, GraphError> {
        let words = words(text)?;
        let joint = |word: &Word, name: &str| matches!(word, Word::Name(known) if known.eq_ignore_ascii_case(name));
        let any = words.iter().any(|word| joint(word, "or"));
        if any && words.iter().any(|word| joint(word, "and")) {
            return Err(fields.unsupported("$filter"));
        }
        let pieces = words.split(|word| joint(word, "or") || joint(word, "and"));
        let clauses = pieces.map(|words| clause(words, fields)).collect::<Result<Vec<_>, _>>()?;
        let largest = clauses.iter().map(|clause| clause.values.len()).chain(any.then_some(clauses.len())).max();
        if let Some(count) = largest.filter(|count| *count > MAX_CLAUSES) {
            return Err(GraphError::bad_request(format!(
                "Too many child clauses specified in search filter expression containing 'OR' operators: {count}. Max \
                 allowed: {MAX_CLAUSES}."
            )));
        }
        let allowed = |clause: &Clause| fields.allow(&clause.property, clause.needs(), advanced);
        match clauses.iter().find(|clause| !allowed(clause)) {
            Some(clause) => Err(fields.unsupported(&clause.property)),
            None => Ok(Self { clauses, any }),
        }
    }

    /// Whether it asks by `assignedLicenses/any(…)`.
    pub(super) fn by_license(&self) -> bool {
        self.clauses.iter().any(|clause| clause.operator == Operator::HoldsSku)
    }

    pub(super) fn takes(&self, one: &impl Filtered) -> bool {
        if self.any {
            self.clauses.iter().any(|clause| clause.takes(one))
        } else {
            self.clauses.iter().all(|clause| clause.takes(one))
        }
    }

    /// The only users who can match, where an index knows them.
    pub(super) fn candidates(&self, state: &State) -> Option<BTreeSet<Uuid>> {
        if self.any && self.clauses.len() > 1 {
            return None;
        }
        let indexed = |clause: &&Clause| {
            matches!(clause.property.as_str(), "id" | "userPrincipalName" | "onPremisesImmutableId")
                && matches!(clause.operator, Operator::Eq | Operator::In)
                && clause.values.iter().all(Value::is_string)
                && !clause.negated
        };
        let clause = self.clauses.iter().find(indexed)?;
        let texts = clause.values.iter().filter_map(Value::as_str);
        Some(match clause.property.as_str() {
            "onPremisesImmutableId" => texts.flat_map(|anchor| state.with_anchor(anchor)).collect(),
            _ => texts.filter_map(|key| state.find(key)).collect(),
        })
    }
}

impl Clause {
    fn takes(&self, one: &impl Filtered) -> bool {
        self.holds(one) != self.negated
    }

    fn holds(&self, one: &impl Filtered) -> bool {
        match self.operator {
            Operator::HoldsSku => return one.skus().iter().any(|sku| self.values.contains(&json!(sku))),
            Operator::CountEq | Operator::CountNe => {
                let same = self.values.contains(&json!(one.skus().len().to_string()));
                return same == (self.operator == Operator::CountEq);
            }
            _ => {}
        }
        let actual = one.value(&self.property);
        let exact = matches!(self.property.as_str(), "onPremisesImmutableId");
        let same = |wanted: &Value| match (wanted.as_str(), actual.as_str()) {
            (Some(wanted), Some(actual)) if !exact => wanted.to_lowercase() == actual.to_lowercase(),
            _ => *wanted == actual,
        };
        let wanted = self.values.first().and_then(Value::as_str).unwrap_or_default();
        let (low, text) = (wanted.to_lowercase(), actual.as_str());
        match self.operator {
            Operator::Eq | Operator::In => self.values.iter().any(same),
            Operator::Ne => !self.values.iter().any(same),
            Operator::Ge => text.is_some_and(|actual| actual >= wanted),
            Operator::Le => text.is_some_and(|actual| actual <= wanted),
            Operator::StartsWith => text.is_some_and(|actual| actual.to_lowercase().starts_with(&low)),
            Operator::EndsWith => text.is_some_and(|actual| actual.to_lowercase().ends_with(&low)),
            Operator::HoldsSku | Operator::CountEq | Operator::CountNe => false,
        }
    }

    /// What it asks of the table of filterable properties; `None`: only an advanced query can do it.
    fn needs(&self) -> Option<(Operator, bool)> {
        (!self.negated).then(|| (self.operator, self.values.contains(&Value::Null)))
    }
}

fn clause(words: &[Word], fields: Fields) -> Result<Clause, GraphError> {
    use Word::{Name, Sign, Text};
    let is = |name: &str, known: &str| name.eq_ignore_ascii_case(known);
    let known = |name: &str| fields.known(name);
    let made = |property: &str, operator, values| {
        Ok(Clause { property: property.to_owned(), operator, values, negated: false })
    };
    match words {
        [Name(not), inner @ ..] if is(not, "not") => {
            let inner = match inner {
                [Sign('('), bare @ .., Sign(')')] => bare,
                bare => bare,
            };
            let clause = clause(inner, fields)?;
            Ok(Clause { negated: !clause.negated, ..clause })
        }
        [Name(function), Sign('('), Name(property), Sign(','), Text(text), Sign(')')]
            if is(function, "startswith") || is(function, "endswith") =>
        {
            let operator = if is(function, "startswith") { Operator::StartsWith } else { Operator::EndsWith };
            known(property)?;
            made(property, operator, vec![json!(text)])
        }
        [Name(any), Sign('('), Name(_), Sign(':'), Name(path), Name(eq), Name(sku), Sign(')')]
            if any == "assignedLicenses/any" && path.ends_with("/skuId") && eq == "eq" =>
        {
            made("assignedLicenses", Operator::HoldsSku, vec![json!(sku.to_lowercase())])
        }
        [Name(count), Name(operator), Name(number)] if count == "assignedLicenses/$count" => {
            let operator = if is(operator, "ne") { Operator::CountNe } else { Operator::CountEq };
            made("assignedLicenses", operator, vec![json!(number)])
        }
        [Name(property), Name(operator), Sign('('), list @ .., Sign(')')] if is(operator, "in") => {
            let values = list.split(|word| *word == Sign(',')).map(value).collect::<Result<_, _>>()?;
            known(property)?;
            made(property, Operator::In, values)
        }
        [Name(property), Name(operator), literal] => {
            let operator = match operator.to_ascii_lowercase().as_str() {
                "eq" => Operator::Eq,
                "ne" => Operator::Ne,
                "ge" => Operator::Ge,
                "le" => Operator::Le,
                _ => return Err(fields.unsupported(property)),
            };
            known(property)?;
            made(property, operator, vec![value(std::slice::from_ref(literal))?])
        }
        _ => Err(GraphError::bad_request("Invalid filter clause.")),
    }
}

fn value(words: &[Word]) -> Result<Value, GraphError> {
    match words {
        [Word::Text(text)] => Ok(json!(text)),
        [Word::Name(name)] => Ok(match name.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            "null" => Value::Null,
            bare => json!(bare),
        }),
        _ => Err(GraphError::bad_request("Invalid filter clause.")),
    }
}
