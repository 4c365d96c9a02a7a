//! What an operator must do about each refusal.

use crate::model::standing::Reason;
use crate::model::verdict::Answer;

/// A reason from a refusal's code and Graph's own words.
pub(super) fn refusal(code: &str, answer: &Answer) -> Reason {
    let said = answer.message.as_deref().unwrap_or("Graph gave no reason");
    let advice = match code {
        "sku-not-owned" => "buy the product or correct `sku`",
        "sku-not-for-users" => "name a product for users in `sku`",
        "plans-mutually-exclusive" => {
            "the user holds a license whose plans exclude these: remove it, or turn the plan off with `disable_plans`"
        }
        "plan-dependency" => "turn on the plan it needs, or turn the dependent one off with `disable_plans`",
        "plan-not-in-sku" => "correct `disable_plans`",
        "proxy-address-conflict" => "another object has the same mail address: resolve that in the directory",
        "license-inherited-from-group" => "change the license of the group it comes from",
        "location-mastered-on-premises" => {
            "the directory owns this attribute: set msExchUsageLocation there, and usage_location.write = false"
        }
        "location-invalid" => "correct the account's country, or `usage_location`",
        "graph-conflict" => "another change stands against it: see the user in the Entra admin center",
        "directory-quota-exceeded" => "the tenant is full: remove objects or ask Microsoft for more",
        "usage-location-unacceptable" | "plan-prohibited-in-location" => {
            "the user's usage location does not allow this product: set another, or turn the prohibited plan off"
        }
        _ => "see the user in the Entra admin center",
    };
    Reason::new(code, format!("{}; {advice}; then `seatsync retry`", said.trim_end_matches('.')))
}

/// A reason from Graph's own words, or from what stands there instead.
pub(super) fn said(code: &str, answer: &Answer, otherwise: &str) -> Reason {
    let status = answer.status.map(|status| format!(" ({status})")).unwrap_or_default();
    Reason::new(code, format!("{}{status}", answer.message.as_deref().unwrap_or(otherwise).trim_end_matches('.')))
}
