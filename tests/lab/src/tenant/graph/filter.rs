//! `$filter` on users: comparisons joined by `and` or by `or`, without brackets; what needs an advanced query is refused
//! without one.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tenant::{person::Person, properties::property, reply::GraphError, state::State};

/// Clauses that one `or` or `in` may hold.
const MAX_CLAUSES: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Eq,
    In,
    Ge,
    Le,
    StartsWith,
    /// `assignedLicenses/any(x:x/skuId eq …)`
    HoldsSku,
}

#[derive(Debug)]
struct Clause {
    property: String,
    operator: Operator,
    values: Vec<Value>,
}

/// A parsed `$filter`.
#[derive(Debug)]
pub(super) struct Filter {
    clauses: Vec<Clause>,
    any: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Name(String),
    Text(String),
    Sign(char),
}

impl Filter {
    /// Parses; `advanced` says whether the request has both `ConsistencyLevel: eventual` and `$count=true`.
    pub(super) fn parse(text: &str, advanced: bool) -> Result<Self, GraphError> {
        let words = words(text)?;
        let joint = |word: &Word, name: &str| matches!(word, Word::Name(known) if known.eq_ignore_ascii_case(name));
        let any = words.iter().any(|word| joint(word, "or"));
        if any && words.iter().any(|word| joint(word, "and")) {
            return Err(unsupported("$filter"));
        }
        let pieces = words.split(|word| joint(word, "or") || joint(word, "and"));
        let clauses = pieces.map(clause).collect::<Result<Vec<_>, _>>()?;
        let largest = clauses.iter().map(|clause| clause.values.len()).chain(any.then_some(clauses.len())).max();
        if let Some(count) = largest.filter(|count| *count > MAX_CLAUSES) {
            return Err(GraphError::bad_request(format!(
                "Too many child clauses specified in search filter expression containing 'OR' operators: {count}. Max \
                 allowed: {MAX_CLAUSES}."
            )));
        }
        match clauses.iter().find(|clause| !clause.allowed(advanced)) {
            Some(clause) => Err(unsupported(&clause.property)),
            None => Ok(Self { clauses, any }),
        }
    }

    pub(super) fn takes(&self, person: &Person) -> bool {
        if self.any {
            self.clauses.iter().any(|clause| clause.takes(person))
        } else {
            self.clauses.iter().all(|clause| clause.takes(person))
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
    fn takes(&self, person: &Person) -> bool {
        if self.operator == Operator::HoldsSku {
            let held = person.shown_licensing().held_skus();
            return held.iter().any(|sku| self.values.contains(&json!(sku)));
        }
        let actual = person.value(&self.property);
        let exact = matches!(self.property.as_str(), "onPremisesImmutableId");
        let same = |wanted: &Value| match (wanted.as_str(), actual.as_str()) {
            (Some(wanted), Some(actual)) if !exact => wanted.to_lowercase() == actual.to_lowercase(),
            _ => *wanted == actual,
        };
        let wanted = self.values.first().and_then(Value::as_str).unwrap_or_default();
        match self.operator {
            Operator::Eq | Operator::In => self.values.iter().any(same),
            Operator::Ge => actual.as_str().is_some_and(|actual| actual >= wanted),
            Operator::Le => actual.as_str().is_some_and(|actual| actual <= wanted),
            Operator::StartsWith => {
                actual.as_str().is_some_and(|actual| actual.to_lowercase().starts_with(&wanted.to_lowercase()))
            }
            Operator::HoldsSku => false,
        }
    }

    /// What the table of filterable properties says.
    fn allowed(&self, advanced: bool) -> bool {
        use Operator::{Eq, Ge, HoldsSku, In, Le, StartsWith};
        let null = self.values.contains(&Value::Null);
        let plain: &[Operator] = match self.property.as_str() {
            "accountEnabled" | "userType" | "onPremisesSyncEnabled" => &[Eq, In],
            "onPremisesSecurityIdentifier" | "id" => &[Eq, In],
            "createdDateTime" => &[Eq, Ge, Le],
            // Documented as advanced; a plain `eq` works on the wire.
            "onPremisesImmutableId" => &[Eq],
            "usageLocation" | "userPrincipalName" | "mail" | "displayName" | "department" => {
                &[Eq, In, Ge, Le, StartsWith]
            }
            "assignedLicenses" => &[HoldsSku],
            "onPremisesSamAccountName" | "onPremisesLastSyncDateTime" => &[],
            _ => return false,
        };
        let plain_null = !null || self.property == "onPremisesSecurityIdentifier";
        advanced || (plain.contains(&self.operator) && plain_null)
    }
}

fn clause(words: &[Word]) -> Result<Clause, GraphError> {
    use Word::{Name, Sign, Text};
    let made = |property: &str, operator, values| Ok(Clause { property: property.to_owned(), operator, values });
    match words {
        [Name(function), Sign('('), Name(property), Sign(','), Text(text), Sign(')')]
            if function.eq_ignore_ascii_case("startswith") =>
        {
            made(known(property)?, Operator::StartsWith, vec![json!(text)])
        }
        [Name(any), Sign('('), Name(_), Sign(':'), Name(path), Name(eq), Name(sku), Sign(')')]
            if any == "assignedLicenses/any" && path.ends_with("/skuId") && eq == "eq" =>
        {
            made("assignedLicenses", Operator::HoldsSku, vec![json!(sku.to_lowercase())])
        }
        [Name(property), Name(operator), Sign('('), list @ .., Sign(')')] if operator.eq_ignore_ascii_case("in") => {
            let values = list.split(|word| *word == Sign(',')).map(value).collect::<Result<_, _>>()?;
            made(known(property)?, Operator::In, values)
        }
        [Name(property), Name(operator), literal] => {
            let operator = match operator.to_ascii_lowercase().as_str() {
                "eq" => Operator::Eq,
                "ge" => Operator::Ge,
                "le" => Operator::Le,
                _ => return Err(unsupported(property)),
            };
            made(known(property)?, operator, vec![value(std::slice::from_ref(literal))?])
        }
        _ => Err(GraphError::bad_request("Invalid filter clause.")),
    }
}

fn known(name: &str) -> Result<&str, GraphError> {
    if name == "id" || property(name).is_some() {
        return Ok(name);
    }
    Err(GraphError::gateway(format!("Could not find a property named '{name}' on type 'microsoft.graph.user'.")))
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

fn words(text: &str) -> Result<Vec<Word>, GraphError> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' => {}
            '\'' => words.push(Word::Text(quoted(&mut letters)?)),
            '(' | ')' | ',' => words.push(Word::Sign(letter)),
            // Between names in a lambda; within an instant it belongs to the word.
            ':' => words.push(Word::Sign(':')),
            _ => {
                let mut name = String::from(letter);
                let instant = letter.is_ascii_digit();
                while let Some(next) =
                    letters.next_if(|next| !matches!(next, ' ' | '\'' | '(' | ')' | ',') && (instant || *next != ':'))
                {
                    name.push(next);
                }
                words.push(Word::Name(name));
            }
        }
    }
    Ok(words)
}

/// The rest of a text in single quotes; two of them stand for one.
fn quoted(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, GraphError> {
    let mut text = String::new();
    loop {
        match letters.next() {
            Some('\'') if letters.next_if_eq(&'\'').is_some() => text.push('\''),
            Some('\'') => return Ok(text),
            Some(letter) => text.push(letter),
            None => {
                return Err(GraphError::bad_request("There is an unterminated string literal in '$filter'."));
            }
        }
    }
}

fn unsupported(property: &str) -> GraphError {
    GraphError::new(
        StatusCode::BAD_REQUEST,
        "Request_UnsupportedQuery",
        format!("Unsupported or invalid query filter clause specified for property '{property}' of resource 'User'."),
    )
}
