//! `subscribedSkus` and `organization`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{page, query::Query, users};
use crate::tenant::{
    exchange::Call,
    person::instant,
    reply::{GraphError, Reply},
    sku::{ServicePlan, Sku},
    state::State,
};

/// `GET /subscribedSkus`: one page, `$select` but no `$filter`.
pub(super) fn list(state: &State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    query.refuse(&["$filter", "$top", "$orderby", "$search", "$expand", "$skip"])?;
    let value: Vec<Value> = state.skus.iter().map(|sku| selected(subscribed(state, sku), query)).collect();
    let body = json!({ "@odata.context": page::context(call, "subscribedSkus"), "value": value });
    Ok(Reply::odata(&body))
}

/// `GET /subscribedSkus/{id}`.
pub(super) fn get(state: &State, call: &Call, query: &Query, key: &str) -> Result<Reply, GraphError> {
    let sku = state.skus.iter().find(|sku| id(state, sku) == key).ok_or_else(|| GraphError::not_found(key))?;
    let mut body = selected(subscribed(state, sku), query);
    body["@odata.context"] = json!(page::context(call, "subscribedSkus/$entity"));
    Ok(Reply::odata(&body))
}

fn id(state: &State, sku: &Sku) -> String {
    format!("{}_{}", state.organization.id, sku.sku_id)
}

fn subscribed(state: &State, sku: &Sku) -> Value {
    let organization = &state.organization;
    let plans: Vec<Value> = sku.service_plans.iter().map(plan).collect();
    json!({
        "accountName": organization.default_domain.split('.').next(),
        "accountId": organization.id,
        "appliesTo": sku.applies_to,
        "capabilityStatus": sku.prepaid_units.capability_status(),
        "consumedUnits": state.shown_consumed(sku),
        "id": id(state, sku),
        "skuId": sku.sku_id,
        "skuPartNumber": sku.sku_part_number,
        "subscriptionIds": [sku.sku_id],
        "prepaidUnits": sku.prepaid_units,
        "servicePlans": plans,
    })
}

fn selected(whole: Value, query: &Query) -> Value {
    let Some(select) = query.get("$select") else {
        return whole;
    };
    let names: Vec<&str> = select.split(',').map(str::trim).collect();
    let members = whole.as_object().cloned().unwrap_or_default();
    Value::Object(members.into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect::<Map<_, _>>())
}

/// `GET /users/{id}/licenseDetails`.
pub(super) fn license_details(state: &mut State, call: &Call, query: &Query, key: &str) -> Result<Reply, GraphError> {
    let user = users::present(state, key)?;
    let detail = |sku: &Sku| {
        let plans: Vec<Value> = sku.service_plans.iter().map(plan).collect();
        // Microsoft's ids of these are opaque; so are these.
        let id = URL_SAFE_NO_PAD.encode([user.into_bytes(), sku.sku_id.into_bytes()].concat());
        let whole = json!({
            "id": id, "skuId": sku.sku_id, "skuPartNumber": sku.sku_part_number, "servicePlans": plans,
        });
        selected(whole, query)
    };
    let held = state.people[&user].shown_licensing().held_skus();
    let value: Vec<Value> = state.skus.iter().filter(|sku| held.contains(&sku.sku_id)).map(detail).collect();
    let context = page::context(call, &format!("users('{user}')/licenseDetails"));
    state.note_read(user);
    Ok(Reply::odata(&json!({ "@odata.context": context, "value": value })))
}

fn plan(plan: &ServicePlan) -> Value {
    json!({
        "servicePlanId": plan.service_plan_id,
        "servicePlanName": plan.service_plan_name,
        "provisioningStatus": plan.provisioning_status,
        "appliesTo": plan.applies_to,
    })
}

/// `GET /organization`.
pub(super) fn organization(state: &State, call: &Call, query: &Query) -> Result<Reply, GraphError> {
    let organization = &state.organization;
    let last_sync = organization.on_premises_last_sync_date_time.unwrap_or_else(|| state.now());
    let domain = |name: &String| {
        let default = *name == organization.default_domain;
        json!({
            "name": name, "isDefault": default, "isInitial": default, "type": "Managed",
            "capabilities": "Email, OfficeCommunicationsOnline",
        })
    };
    let domains: Vec<Value> = organization.verified_domains.iter().map(domain).collect();
    let whole = json!({
        "id": organization.id,
        "displayName": organization.display_name,
        "countryLetterCode": organization.country_letter_code,
        "defaultUsageLocation": null,
        "tenantType": "AAD",
        "onPremisesSyncEnabled": organization.on_premises_sync_enabled,
        "onPremisesLastSyncDateTime": instant(last_sync),
        "verifiedDomains": domains,
    });
    let body = json!({ "@odata.context": page::context(call, "organization"), "value": [selected(whole, query)] });
    Ok(Reply::odata(&body))
}
