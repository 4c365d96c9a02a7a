use proptest::prelude::*;
use serde_json::json;

use super::*;

const ID: &str = "3f0c7c0e-5b0e-4d5e-9a50-0f2a6e2b9c11";
const EMS: &str = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e";
const INTUNE: &str = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5";
const MFA: &str = "8a256a2b-b617-496d-b51b-e76466e88db0";

fn page(items: Value) -> Users {
    users(json!({"value": items}).to_string().as_bytes()).unwrap()
}

fn news(item: Value) -> UserNews {
    let users = page(json!([item]));
    assert_eq!(users.page.quarantined, Vec::new());
    users.page.news.into_iter().next().unwrap()
}

fn flaw(item: Value) -> String {
    let users = page(json!([item, {"id": ID}]));
    assert_eq!(users.page.news.len(), 1, "the other proceeds");
    users.page.quarantined.into_iter().next().unwrap().1
}

#[test]
fn a_full_user() {
    let news = news(json!({
        "@odata.type": "#microsoft.graph.user", "@microsoft.graph.tips": "ignored", "id": ID,
        "userPrincipalName": "ada@contoso.com", "displayName": "Ada", "accountEnabled": true, "userType": "Member",
        "createdDateTime": "2026-05-04T08:15:30Z", "onPremisesSyncEnabled": true,
        "onPremisesImmutableId": "q83vEjRWeECSNBI0VniavA==", "onPremisesSecurityIdentifier": "S-1-5-21-1-2-3-1107",
        "usageLocation": "de",
        "assignedLicenses": [{"skuId": EMS, "disabledPlans": [MFA]}, {"skuId": null, "disabledPlans": []}],
        "licenseAssignmentStates": [
            {"skuId": EMS, "disabledPlans": [], "assignedByGroup": null, "state": "Active", "error": "None",
             "lastUpdatedDateTime": "2026-05-04T08:15:30Z"},
            {"skuId": EMS, "disabledPlans": null, "assignedByGroup": "g", "state": "Error", "error": "CountViolation"},
            {"skuId": EMS, "error": null}],
        "assignedPlans": [
            {"capabilityStatus": "Enabled", "service": "SCO", "servicePlanId": INTUNE},
            {"capabilityStatus": "Deleted", "service": "x", "servicePlanId": MFA},
            {"capabilityStatus": "warning", "service": "x", "servicePlanId": EMS},
            {"capabilityStatus": "Enabled", "service": "x", "servicePlanId": null}]
    }));
    assert_eq!(news.id, ID.parse().unwrap());
    assert_eq!((news.removed, news.guest, news.enabled), (None, Some(false), Some(true)));
    assert_eq!(news.created.flatten().unwrap().to_string(), "2026-05-04T08:15:30Z");
    assert_eq!(news.anchor.flatten().unwrap().as_str(), "q83vEjRWeECSNBI0VniavA==");
    assert_eq!(news.sid.flatten().unwrap().as_str(), "S-1-5-21-1-2-3-1107");
    assert_eq!(news.usage_location.flatten().unwrap().to_string(), "DE");
    let license = AssignedLicense { sku: EMS.parse().unwrap(), disabled: [MFA.parse().unwrap()].into() };
    assert_eq!(news.licenses, Some(vec![license]));
    let sources = news.sources.unwrap();
    let told: Vec<_> = sources
        .iter()
        .map(|source| (source.group.as_deref(), source.state.as_str(), source.error.as_deref()))
        .collect();
    assert_eq!(told, [(None, "Active", None), (Some("g"), "Error", Some("CountViolation")), (None, "Unknown", None)]);
    assert_eq!(news.plans, Some([INTUNE.parse().unwrap(), EMS.parse().unwrap()].into()));
}

#[test]
fn absent_differs_from_null() {
    assert_eq!(news(json!({"id": ID})), UserNews::about(ID.parse().unwrap()));
    let nulls = news(json!({"id": ID, "userPrincipalName": null, "displayName": null, "accountEnabled": null,
        "userType": null, "createdDateTime": null, "onPremisesSyncEnabled": null, "onPremisesImmutableId": null,
        "onPremisesSecurityIdentifier": null, "usageLocation": null, "assignedLicenses": null,
        "licenseAssignmentStates": null, "assignedPlans": null}));
    let expected = UserNews {
        upn: Some(None),
        display_name: Some(None),
        guest: Some(false),
        created: Some(None),
        synced: Some(None),
        anchor: Some(None),
        sid: Some(None),
        usage_location: Some(None),
        licenses: Some(vec![]),
        sources: Some(vec![]),
        plans: Some(BTreeSet::new()),
        ..UserNews::about(ID.parse().unwrap())
    };
    assert_eq!(nulls, expected);
    assert_eq!(news(json!({"id": ID, "onPremisesImmutableId": ""})).anchor, Some(None));
}

#[test]
fn who_left_and_who_is_a_guest() {
    for (removed, expected) in [
        (json!({"reason": "changed"}), Some(Removal::Restorable)),
        (json!({"reason": "deleted"}), Some(Removal::Final)),
        (json!({"reason": "whatever"}), Some(Removal::Restorable)),
        (json!({}), Some(Removal::Restorable)),
        (Value::Null, None),
    ] {
        assert_eq!(news(json!({"id": ID, "@removed": removed})).removed, expected, "{removed}");
    }
    assert_eq!(news(json!({"id": ID, "userType": "guest"})).guest, Some(true));
}

#[test]
fn a_location_we_do_not_know_is_still_set() {
    let kosovo = news(json!({"id": ID, "usageLocation": "XK"}));
    assert_eq!(kosovo.usage_location.flatten().unwrap().to_string(), "XK");
    assert!(flaw(json!({"id": ID, "usageLocation": "Germany"})).contains("usageLocation"));
}

#[test]
fn one_bad_item_does_not_stop_the_others() {
    for (item, reason) in [
        (json!({"userPrincipalName": "x@y"}), "it has no id"),
        (json!({"id": null}), "it has no id"),
        (json!({"id": "not-a-guid"}), "id is not valid: \"not-a-guid\""),
        (json!({"id": 5}), "id is not text: 5"),
        (json!("text"), "it is no user object"),
        (json!(null), "it is no user object"),
        (json!({"id": ID, "accountEnabled": "yes"}), "accountEnabled is not true or false: \"yes\""),
        (json!({"id": ID, "createdDateTime": "yesterday"}), "createdDateTime is not valid: \"yesterday\""),
        (json!({"id": ID, "assignedLicenses": {}}), "assignedLicenses is not a collection: {}"),
        (json!({"id": ID, "assignedLicenses": [7]}), "in assignedLicenses: it is no assignedLicenses object"),
        (json!({"id": ID, "assignedLicenses": [{"skuId": "x"}]}), "in assignedLicenses: skuId is not valid: \"x\""),
        (
            json!({"id": ID, "assignedLicenses": [{"skuId": EMS, "disabledPlans": [1]}]}),
            "in assignedLicenses: disabledPlans is not a list of plan ids: 1",
        ),
    ] {
        assert_eq!(flaw(item.clone()), reason, "{item}");
    }
    let bad = page(json!([{"id": "someone", "x": 1}, ["a"]]));
    let names: Vec<_> = bad.page.quarantined.iter().map(|flaw| flaw.0.as_str()).collect();
    assert_eq!(names, ["someone", "[\"a\"]"]);
}

#[test]
fn half_a_character_does_not_hide_a_page() {
    let text = format!(r#"{{"value":[{{"id":"{ID}","displayName":"a\ud83dz \ud83d\ude00 \\ud83d \udc00\n"}}]}}"#);
    let users = users(text.as_bytes()).unwrap();
    assert_eq!(users.page.news[0].display_name, Some(Some("a\u{fffd}z 😀 \\ud83d \u{fffd}\n".into())));
    let mut bytes = format!(r#"{{"value":[{{"id":"{ID}","displayName":"x?"}}]}}"#).into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xff;
    let users = super::users(&bytes).unwrap();
    assert_eq!(users.page.news[0].display_name, Some(Some("x\u{fffd}".into())));
}

#[test]
fn a_page_says_where_it_goes_on() {
    let users = super::users(br#"{"@odata.context":"c","@odata.nextLink":"https://g/n","value":[]}"#).unwrap();
    assert_eq!((users.next.as_deref(), users.delta.as_deref()), (Some("https://g/n"), None));
    let users = super::users(br#"{"value":[],"@odata.deltaLink":"https://g/d","@odata.nextLink":null}"#).unwrap();
    assert_eq!((users.next.as_deref(), users.delta.as_deref()), (None, Some("https://g/d")));
    for cut in [&b"{\"value\":["[..], b"", b"{}", b"{\"value\":null}", b"[]", b"<html>", b"\\", b"\\ud800"] {
        assert!(super::users(cut).is_err(), "{cut:?}");
    }
}

#[test]
fn products_old_and_new() {
    let plan = json!({"servicePlanId": INTUNE, "servicePlanName": "INTUNE_A", "provisioningStatus": "PendingInput",
        "appliesTo": "User"});
    let company = json!({"servicePlanId": MFA, "servicePlanName": "X", "appliesTo": "Company"});
    let body = json!({"value": [
        {"capabilityStatus": "Enabled", "consumedUnits": 41, "id": "t_s", "skuId": EMS, "skuPartNumber": "EMS",
         "appliesTo": "User", "prepaidUnits": {"enabled": 50, "suspended": 1, "warning": 2, "lockedOut": 9},
         "servicePlans": [plan, company, {"servicePlanId": null}], "subscriptionIds": []},
        {"skuId": null, "skuPartNumber": "NOTHING"},
        {"skuId": MFA},
        {"skuId": "broken", "skuPartNumber": "BROKEN"},
        {"skuId": INTUNE, "skuPartNumber": "HUGE", "consumedUnits": 9_223_372_036_854_775_807i64}
    ]});
    let skus = skus(body.to_string().as_bytes()).unwrap();
    let names: Vec<_> = skus.skus.iter().map(|sku| sku.part_number.as_str()).collect();
    assert_eq!(names, ["EMS", MFA]);
    let ems = &skus.skus[0];
    assert_eq!((ems.enabled, ems.warning, ems.suspended, ems.consumed, ems.free()), (50, 2, 1, 41, 11));
    let plans: Vec<_> = ems.plans.iter().map(|plan| (plan.name.as_str(), plan.for_users)).collect();
    assert_eq!(plans, [("INTUNE_A", true), ("X", false)]);
    let flaws: Vec<_> = skus.quarantined.iter().map(|flaw| flaw.0.as_str()).collect();
    assert_eq!(flaws, ["BROKEN", "HUGE"]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(Value::from(ID)),
    ];
    let names = prop_oneof![
        Just("id".to_owned()),
        Just("skuId".to_owned()),
        Just("assignedLicenses".to_owned()),
        Just("disabledPlans".to_owned()),
        Just("usageLocation".to_owned()),
        Just("@removed".to_owned()),
        Just("prepaidUnits".to_owned()),
        Just("servicePlans".to_owned()),
        ".*",
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_item_is_news_or_quarantined(items in proptest::collection::vec(any_json(), 0..8)) {
        let body = json!({"value": items}).to_string();
        let users = users(body.as_bytes()).unwrap();
        prop_assert_eq!(users.page.news.len() + users.page.quarantined.len(), items.len());
        prop_assert!(skus(body.as_bytes()).is_ok());
    }

    #[test]
    fn never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in r#"[\\u{}"dD89aé😀]{0,40}"#) {
        for body in [&bytes[..], text.as_bytes()] {
            let _ = (users(body), user(body), skus(body), mended(body));
        }
    }
}

#[test]
fn a_page_of_members_is_whole_or_none() {
    let (id, sku) = ("8d1c4a52-3b7e-4f6a-9c20-5e1f7a2b6d34", "efccb6f7-5641-4e0e-bd10-b4976e1bf68e");
    let page = |items: &str| groups(format!("{{\"value\":[{items}],\"@odata.nextLink\":\"n\"}}").as_bytes());
    let found = page(&format!(
        "{{\"id\":\"{id}\",\"displayName\":null}},{{\"id\":\"{id}\",\"displayName\":\"Sales\",\"visibility\":\"Private\",\
         \"assignedLicenses\":[{{\"skuId\":\"{sku}\",\"disabledPlans\":[]}}],\"more\":1}}"
    ))
    .unwrap();
    assert_eq!((found.items.len(), found.next.as_deref(), found.items[0].name.as_deref()), (2, Some("n"), None));
    let Groups { items, .. } = found;
    assert_eq!((items[1].name.as_deref(), items[1].licenses[0].sku.to_string()), (Some("Sales"), sku.to_owned()));
    for broken in [&format!("{{\"id\":\"{id}\"}},{{\"displayName\":\"x\"}}"), "{\"id\":\"x\"}", "null", "\"x\""] {
        assert!(page(broken).is_err(), "{broken}");
    }
    assert!(groups(b"{}").is_err());
}
