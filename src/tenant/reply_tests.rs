use proptest::prelude::*;
use serde_json::json;

use super::*;

const SKU: &str = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e";

fn body(code: &str, message: &str) -> Vec<u8> {
    json!({"error": {"code": code, "message": message, "innerError": {
        "date": "2026-05-04T08:20:00", "request-id": "r-inner", "client-request-id": "c"}}})
    .to_string()
    .into_bytes()
}

fn verdict(status: u16, code: &str, message: &str) -> Verdict {
    judge(status, &Headers::default(), &body(code, message)).verdict
}

fn after(text: &str) -> Headers {
    Headers { retry_after: Some(text.into()), date: Some("Mon, 04 May 2026 08:20:00 GMT".into()), ..Headers::default() }
}

#[test]
fn texts_of_a_refused_license() {
    let user = |code| refused(Scope::User, code);
    let sku = |code| refused(Scope::Sku, code);
    for (message, expected) in [
        (format!("Subscription with SKU {SKU} does not have any available licenses."), Verdict::NoSeat),
        ("License assignment cannot be done for user with invalid usage location.".into(), Verdict::LocationNotReady),
        (format!("License {SKU} does not correspond to a valid company License."), sku("sku-not-owned")),
        (format!("License {SKU} cannot be assigned to a user."), sku("sku-not-for-users")),
        (
            "License assignment failed because service plans a, b are mutually exclusive.".into(),
            user("plans-mutually-exclusive"),
        ),
        (
            "License assignment failed because service plan a depends on the service plan(s) b, c".into(),
            user("plan-dependency"),
        ),
        (
            "User license is inherited from a group membership and it cannot be removed directly from the user.".into(),
            user("license-inherited-from-group"),
        ),
        ("User does not have a corresponding license.".into(), Verdict::AlreadySo),
        ("No license changes provided".into(), Verdict::AlreadySo),
        (
            "Another object with the same value for property proxyAddresses already exists.".into(),
            user("proxy-address-conflict"),
        ),
        (
            "Proxy address 'smtp:a@b' is already being used by the proxy addresses".into(),
            user("proxy-address-conflict"),
        ),
        (
            "Cannot convert a primitive value to the expected type 'Edm.Guid'. See inner exception".into(),
            sku("sku-id-malformed"),
        ),
        (
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects \
             currently undergoing migration."
                .into(),
            user("location-mastered-on-premises"),
        ),
        ("Property usageLocation is invalid.".into(), user("location-invalid")),
        ("Invalid value specified for property 'usageLocation' of resource 'User'.".into(), user("location-invalid")),
        ("The service plan x doesn't belong to the subscription y.".into(), sku("plan-not-in-sku")),
        ("Service plan x does not belong to SKU y.".into(), sku("plan-not-in-sku")),
        ("One or more values of 'disabledPlans' are invalid.".into(), sku("plan-not-in-sku")),
        (
            "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.".into(),
            Verdict::Concurrency,
        ),
        ("Die Lizenz kann nicht zugewiesen werden.".into(), user("graph-refused")),
        (String::new(), user("graph-refused")),
    ] {
        for message in [message.clone(), message.to_uppercase()] {
            assert_eq!(verdict(400, "Request_BadRequest", &message), expected, "{message}");
        }
    }
}

#[test]
fn codes_that_speak_for_themselves() {
    for (status, code, expected) in [
        (409, "Directory_ConcurrencyViolation", Verdict::Concurrency),
        (400, "Directory_ConcurrencyViolation", Verdict::Concurrency),
        (400, "directory_concurrencyviolation", Verdict::Concurrency),
        (400, "Directory_ReplicaUnavailable", Verdict::Unavailable { after: None }),
        (400, "Request_ThrottledTemporarily", Verdict::Throttled { after: None }),
        (400, "Directory_QuotaExceeded", refused(Scope::Tenant, "directory-quota-exceeded")),
        (400, "Request_ResourceNotFound", Verdict::NotFound),
        (400, "Authorization_RequestDenied", Verdict::Forbidden),
        (400, "CountViolation", Verdict::NoSeat),
        (400, "MutuallyExclusiveViolation", refused(Scope::User, "plans-mutually-exclusive")),
        (400, "DependencyViolation", refused(Scope::User, "plan-dependency")),
        (400, "ProhibitedInUsageLocationViolation", refused(Scope::User, "plan-prohibited-in-location")),
        (400, "UniquenessViolation", refused(Scope::User, "proxy-address-conflict")),
    ] {
        assert_eq!(verdict(status, code, "Lokalisierter Text"), expected, "{status} {code}");
    }
    assert_eq!(verdict(409, "Request_BadRequest", "concurrent requests"), Verdict::Concurrency);
}

#[test]
fn status_decides_where_code_and_text_do_not() {
    let waits = |after| Verdict::Unavailable { after };
    for (status, code, expected) in [
        (200, "", Verdict::Accepted),
        (202, "", Verdict::Accepted),
        (204, "", Verdict::Accepted),
        (302, "", waits(None)),
        (401, "InvalidAuthenticationToken", Verdict::Unauthorized),
        (401, "Authorization_IdentityNotFound", Verdict::Unauthorized),
        (403, "Authorization_RequestDenied", Verdict::Forbidden),
        (403, "Forbidden", Verdict::Forbidden),
        (404, "Request_ResourceNotFound", Verdict::NotFound),
        (408, "", Verdict::Unknown),
        (409, "Conflict", refused(Scope::User, "graph-conflict")),
        (412, "PreconditionFailed", refused(Scope::User, "graph-conflict")),
        (423, "Locked", refused(Scope::User, "graph-conflict")),
        (422, "Unprocessable", refused(Scope::User, "graph-refused")),
        (424, "FailedDependency", waits(None)),
        (429, "TooManyRequests", Verdict::Throttled { after: None }),
        (429, "UnknownError", Verdict::Throttled { after: None }),
        (429, "activityLimitReached", Verdict::Throttled { after: None }),
        (500, "Service_InternalServerError", waits(None)),
        (502, "", waits(None)),
        (503, "", waits(None)),
        (504, "", Verdict::Unknown),
        (507, "", refused(Scope::Tenant, "directory-quota-exceeded")),
        (509, "", waits(None)),
    ] {
        assert_eq!(verdict(status, code, "Please retry again later."), expected, "{status} {code}");
        // Gateways answer in HTML, or nothing.
        let expected = if status == 404 { waits(None) } else { expected };
        assert_eq!(judge(status, &Headers::default(), b"<html>hello</html>").verdict, expected, "{status}");
    }
}

#[test]
fn the_most_specific_code_wins() {
    let nested = json!({"error": {"code": "Request_BadRequest", "message": "outer",
        "innererror": {"code": "Service_InternalServerError", "innerError": {"code": "CountViolation", "request-id": "deep"}}}});
    let judgement = judge(400, &Headers::default(), nested.to_string().as_bytes());
    assert_eq!(judgement.verdict, Verdict::NoSeat);
    assert_eq!(judgement.code.as_deref(), Some("Request_BadRequest"));
    assert_eq!(judgement.message.as_deref(), Some("outer"));
    assert_eq!(judgement.request_id.as_deref(), Some("deep"));
    let details = json!({"error": {"code": "Request_BadRequest", "message": "Konflikt",
        "details": [{"code": "MutuallyExclusiveViolation", "message": "x", "target": "y"}]}});
    let judgement = judge(400, &Headers::default(), details.to_string().as_bytes());
    assert_eq!(judgement.verdict, refused(Scope::User, "plans-mutually-exclusive"));
}

#[test]
fn the_header_names_the_request_before_the_body_does() {
    let headers = Headers { request_id: Some("r-header".into()), ..Headers::default() };
    assert_eq!(judge(400, &headers, &body("a", "b")).request_id.as_deref(), Some("r-header"));
    assert_eq!(judge(400, &Headers::default(), &body("a", "b")).request_id.as_deref(), Some("r-inner"));
    assert_eq!(judge(204, &headers, b"").request_id.as_deref(), Some("r-header"));
}

#[test]
fn waits_are_read_in_all_their_forms() {
    for (text, seconds) in [
        ("60", Some(60)),
        (" 10 ", Some(10)),
        ("2.128", Some(3)),
        ("0", Some(1)),
        ("0.2", Some(1)),
        ("3600", Some(3600)),
        ("99999999999999999999999999", Some(86_400)),
        ("Mon, 04 May 2026 08:22:00 GMT", Some(120)),
        ("Mon, 04 May 2026 08:00:00 GMT", Some(1)),
        ("", None),
        (".", None),
        ("-5", None),
        ("inf", None),
        ("NaN", None),
        ("soon", None),
    ] {
        assert_eq!(retry_after(&after(text)), seconds.map(Duration::from_secs), "{text}");
    }
    assert_eq!(retry_after(&Headers::default()), None);
    let dateless = Headers { date: None, ..after("Mon, 04 May 2026 08:22:00 GMT") };
    assert_eq!(retry_after(&dateless), None);
    let judgement = judge(429, &after("2.128"), b"");
    assert_eq!(judgement.verdict, Verdict::Throttled { after: Some(Duration::from_secs(3)) });
    let judgement = judge(503, &after("30"), b"<html>");
    assert_eq!(judgement.verdict, Verdict::Unavailable { after: Some(Duration::from_secs(30)) });
}

#[test]
fn what_is_shown_is_one_line_without_tokens() {
    let token = format!("eyJ0eXAi{}", "x".repeat(100));
    let shown = tidy(&format!("Bad\r\n token='{token}' \u{0} here"));
    assert_eq!(shown, "Bad token='… here");
    assert!(tidy(&"word ".repeat(1000)).chars().count() < 1100);
}

proptest! {
    #[test]
    fn never_panics(status in 0u16..=999, wait in ".*", date in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let headers = Headers { retry_after: Some(wait), date: Some(date), ..Headers::default() };
        let _ = judge(status, &headers, &bytes);
    }

    #[test]
    fn never_panics_on_words(status in 400u16..=599, code in ".*", message in ".*", inner in ".*") {
        let text = json!({"error": {"code": code, "message": message, "innerError": {"code": inner, "details": [1, null]}}});
        let judgement = judge(status, &Headers::default(), text.to_string().as_bytes());
        prop_assert!(judgement.verdict != Verdict::Accepted);
        let _ = tidy(&message);
    }
}
