//! What is easily taken for something else: products and plans whose names mislead. Pure.
//!
//! After Microsoft's table of product names and service plan identifiers (2026-07).

use super::license::{INTUNE_PLANS, ServicePlan, Sku};

/// Plan of Basic Mobility and Security, by its name.
const BASIC_MOBILITY: &str = "INTUNE_O365";

/// Products that are licenses for devices, though a plan of theirs says Intune.
const FOR_DEVICES: [&str; 2] = ["INTUNE_A_D", "INTUNE_A_D_GOV"];

/// Products that go beside Intune Plan 1 and do not bring it.
const ADD_ONS: [&str; 2] = ["Microsoft_Intune_Suite", "Microsoft_Intune_Advanced_Analytics"];

/// Products that are sold under another name by now.
const RENAMED: [(&str, &str); 4] = [
    ("SPE_F1", "Microsoft 365 F3; Microsoft 365 F1 is M365_F1"),
    ("M365_F1_GOV", "Microsoft 365 F3 GCC"),
    ("EMS", "Enterprise Mobility + Security E3"),
    ("EMSPREMIUM", "Enterprise Mobility + Security E5"),
];

/// What to know of a product before naming it in a rule.
#[must_use]
pub fn of_product(sku: &Sku) -> Vec<String> {
    let name = sku.part_number.trim();
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let mut traps = Vec::new();
    if FOR_DEVICES.into_iter().any(is) {
        traps.push("is a license for devices: it has an Intune plan and is not meant for users".to_owned());
    } else if !sku.for_users {
        traps.push("is not for users (appliesTo is not User): no rule can assign it".to_owned());
    }
    if ADD_ONS.into_iter().any(is) {
        traps.push("is an add-on: it does not bring Intune Plan 1, which users need beside it".to_owned());
    }
    traps.extend(RENAMED.into_iter().filter(|(old, _)| is(old)).map(|(_, new)| format!("is sold as {new}")));
    let intune: Vec<&str> = sku.plans.iter().map(|plan| plan.name.as_str()).filter(|name| is_intune(name)).collect();
    match intune.as_slice() {
        [] if has(sku, BASIC_MOBILITY) => {
            traps.push(format!("brings {BASIC_MOBILITY} alone: Basic Mobility and Security, not Intune"));
        }
        [] | ["INTUNE_A"] => {}
        [other, ..] if !other.eq_ignore_ascii_case("INTUNE_A") => traps.push(format!(
            "has an Intune plan of its own, {other}: who has INTUNE_A from elsewhere does not have that one"
        )),
        _ => {}
    }
    traps
}

/// What to know of a plan before turning it off or waiting for it.
#[must_use]
pub fn of_plan(plan: &ServicePlan) -> Option<&'static str> {
    let is = |other: &str| plan.name.trim().eq_ignore_ascii_case(other);
    if is(BASIC_MOBILITY) {
        return Some("Basic Mobility and Security, not Intune; in many tenants it stays PendingActivation");
    }
    if is("INTUNE_A") {
        return Some("Intune Plan 1");
    }
    if is("INTUNE_A_VL") {
        return Some("Intune Plan 1 by volume license, another plan than INTUNE_A");
    }
    if is("INTUNE_A_GOV") {
        return Some("Intune Plan 1 for government, another plan than INTUNE_A");
    }
    if is("INTUNE_P2") {
        return Some("Intune Plan 2, an addition to Plan 1");
    }
    if is("INTUNE_EDU") || is("INTUNE_SMBIZ") {
        return Some("an addition to INTUNE_A");
    }
    (!plan.for_users).then_some("the whole company's: cannot be off for a user")
}

fn is_intune(name: &str) -> bool {
    INTUNE_PLANS.iter().any(|plan| name.trim().eq_ignore_ascii_case(plan))
}

fn has(sku: &Sku, plan: &str) -> bool {
    sku.plans.iter().any(|known| known.name.trim().eq_ignore_ascii_case(plan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{catalog, ems};

    #[test]
    fn names_that_mislead_are_explained() {
        for (name, for_users, plans, said) in [
            ("EMS", true, vec!["INTUNE_A"], vec!["Security E3"]),
            ("INTUNE_A", true, vec!["INTUNE_A"], vec![]),
            ("INTUNE_A_D", true, vec!["INTUNE_A"], vec!["for devices"]),
            ("Teams_Room", false, vec!["INTUNE_A"], vec!["not for users"]),
            ("intune_a_vl", true, vec!["INTUNE_A_VL"], vec!["INTUNE_A_VL: who has"]),
            ("INTUNE_A_GOV", true, vec!["INTUNE_A_GOV"], vec!["INTUNE_A_GOV: who has"]),
            ("ENTERPRISEPACK", true, vec!["INTUNE_O365", "X"], vec!["Basic Mobility"]),
            ("SPE_E3", true, vec!["INTUNE_A", "INTUNE_O365"], vec![]),
            ("SPE_F1", true, vec!["INTUNE_A"], vec!["Microsoft 365 F3"]),
            ("Microsoft_Intune_Suite", true, vec!["INTUNE_P2"], vec!["add-on"]),
        ] {
            let plan = |name: &str| ServicePlan { name: name.into(), ..catalog().get(ems()).unwrap().plans[0].clone() };
            let sku = Sku {
                part_number: name.into(),
                for_users,
                plans: plans.into_iter().map(plan).collect(),
                ..catalog().get(ems()).unwrap().clone()
            };
            let traps = of_product(&sku);
            assert_eq!(traps.len(), said.len(), "{name}: {traps:?}");
            for (trap, part) in traps.iter().zip(said) {
                assert!(trap.contains(part), "{name}: {trap}");
            }
        }
        let plan = |name: &str, for_users| {
            let plan = ServicePlan { name: name.into(), for_users, ..catalog().get(ems()).unwrap().plans[0].clone() };
            of_plan(&plan).unwrap_or_default()
        };
        assert!(plan("INTUNE_O365", false).contains("not Intune"));
        assert!(plan("EXCHANGE_S_FOUNDATION", false).contains("company"));
        assert_eq!(plan("MFA_PREMIUM", true), "");
    }
}
