//! Rules in the operator's words, and what they mean in a tenant.

use std::collections::BTreeMap;

use crate::decide::{BindProblem, Product, bind};
use crate::model::license::Catalog;
use crate::model::rule::Rule;
use crate::model::sample::{aad_premium, catalog, ems, exchange, intune_a, rule, spe_e3};

fn one(rule: Rule) -> Result<Product, BindProblem> {
    bind(&[rule], &catalog(), &BTreeMap::new()).remove(0).product
}

#[test]
fn products_and_plans_are_found_by_name_or_id_without_case() {
    for name in ["EMS", " ems ", "efccb6f7-5641-4e0e-bd10-b4976e1bf68e", "EFCCB6F7-5641-4E0E-BD10-B4976E1BF68E"] {
        let product = one(rule("r", name)).unwrap();
        assert_eq!((product.sku, product.wanted), (ems(), [intune_a(), aad_premium()].into()), "{name}");
        assert_eq!(product.unless, [intune_a()].into(), "its Intune plan");
    }
    for off in ["INTUNE_A", "intune_a ", "C1EC4A95-1F05-45B3-A911-AA3FA01094F5"] {
        let product =
            one(Rule { plans: crate::model::rule::Plans::AllBut(vec![off.into()]), ..rule("r", "EMS") }).unwrap();
        assert_eq!((product.disabled, product.wanted), ([intune_a()].into(), [aad_premium()].into()), "{off}");
        assert!(product.unless.is_empty(), "without Intune of its own it is wanted for the rest");
    }
    let named = Rule { unless_has_plan: Some(vec!["exchange_s_enterprise".into()]), ..rule("r", "EMS") };
    assert_eq!(one(named).unwrap().unless, [exchange()].into(), "a plan of any product");
    let never = Rule { unless_has_plan: Some(Vec::new()), ..rule("r", "SPE_E3") };
    assert_eq!((never.sku.as_str(), one(never.clone()).unwrap().unless.len()), ("SPE_E3", 0));
    assert_eq!(one(never).unwrap().sku, spe_e3());
}

#[test]
fn what_means_nothing_here_says_what_there_is() {
    let off = |plans: &[&str]| Rule {
        plans: crate::model::rule::Plans::AllBut(plans.iter().map(|plan| (*plan).to_owned()).collect()),
        ..rule("r", "EMS")
    };
    for (rule, said) in [
        (rule("r", "EMSS"), "rule \"r\": the tenant has no product \"EMSS\"; it has SPE_E3, EMS"),
        (
            rule("r", "INTUNE_A_D"),
            "rule \"r\": product \"INTUNE_A_D\" cannot be assigned to users; its appliesTo is not User",
        ),
        (off(&["INTUNE"]), "rule \"r\": product \"EMS\" has no service plan \"INTUNE\"; it has INTUNE_A, AAD_PREMIUM"),
        (
            off(&["EXCHANGE_S_FOUNDATION"]),
            "rule \"r\": service plan \"EXCHANGE_S_FOUNDATION\" of \"EMS\" is set for the whole company and cannot be turned on or off for a user",
        ),
        (off(&["INTUNE_A", "AAD_PREMIUM"]), "rule \"r\" leaves no service plan of \"EMS\" on"),
        (
            Rule { unless_has_plan: Some(vec!["NOPE".into()]), ..rule("r", "EMS") },
            "rule \"r\": product \"any product of the tenant\" has no service plan \"NOPE\"; it has INTUNE_A, AAD_PREMIUM",
        ),
    ] {
        assert_eq!(one(rule).unwrap_err().to_string(), said);
    }
    let nothing = bind(&[rule("r", "EMS")], &Catalog::default(), &BTreeMap::new()).remove(0).product.unwrap_err();
    assert_eq!(nothing.to_string(), "rule \"r\": the tenant has no product \"EMS\"");
}

#[test]
fn one_wrong_rule_does_not_stop_the_others() {
    let bound = bind(&[rule("wrong", "NOPE"), rule("right", "EMS")], &catalog(), &BTreeMap::new());
    assert!(bound[0].product.is_err() && bound[1].product.is_ok());
}
