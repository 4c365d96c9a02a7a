//! The query of a Graph request.

use crate::tenant::{exchange::Call, login::form_decoded, properties::property, reply::GraphError};

/// Query options, decoded, in order.
#[derive(Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    raw: Vec<(String, String)>,
}

impl Query {
    pub(super) fn of(query: Option<&str>) -> Self {
        let pieces = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let raw: Vec<(String, String)> = pieces
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (form_decoded(name), value.to_owned()))
            .collect();
        let pairs = raw.iter().map(|(name, value)| (name.to_ascii_lowercase(), form_decoded(value))).collect();
        Self { pairs, raw }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same query with another value of one option, as text.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let others = self.raw.iter().filter(|(known, _)| !known.eq_ignore_ascii_case(name));
        let mut text: Vec<String> = others.map(|(known, value)| format!("{known}={value}")).collect();
        text.push(format!("{name}={value}"));
        text.join("&")
    }

    /// The names of `$select`; refuses what a user has not.
    pub(super) fn select(&self) -> Result<Option<Vec<String>>, GraphError> {
        let Some(select) = self.get("$select") else {
            return Ok(None);
        };
        let names: Vec<String> = select.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| *name != "id" && property(name).is_none()) {
            Some(unknown) => Err(GraphError::gateway(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{unknown}' on type \
                 'microsoft.graph.user'."
            ))),
            None => Ok(Some(names)),
        }
    }

    /// Whether it is an advanced query: `ConsistencyLevel: eventual` and `$count=true`.
    pub(super) fn is_advanced(&self, call: &Call) -> bool {
        eventual(call) && self.get("$count") == Some("true")
    }

    /// Refuses the path segment `/$count` without `ConsistencyLevel: eventual`.
    pub(super) fn require_eventual(&self, call: &Call) -> Result<(), GraphError> {
        match eventual(call) {
            true => Ok(()),
            false => Err(GraphError::bad_request("$count is not currently supported.")),
        }
    }

    /// Refuses options the resource does not support.
    pub(super) fn refuse(&self, names: &[&str]) -> Result<(), GraphError> {
        match names.iter().find(|name| self.get(name).is_some()) {
            Some(name) => Err(GraphError::new(
                axum::http::StatusCode::BAD_REQUEST,
                "Request_UnsupportedQuery",
                format!("'{name}' is not supported by the service."),
            )),
            None => Ok(()),
        }
    }
}

fn eventual(call: &Call) -> bool {
    call.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
}
