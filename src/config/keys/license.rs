//! `[[license]]`.

use super::Kind::{Choice, Duration, Flag, Inline, Number, Text, Texts};
use super::Presence::{Default, Optional, Required};
use super::{Section, WHO, key};

pub(super) static LICENSE: Section = Section {
    meaning: "One table per rule: who gets which product. At least one.",
    keys: &[
        key(
            "id",
            Text,
            Required("\"everyone-ems\""),
            "The rule's name: letters, digits, \"-\" and \"_\". Keep it: history hangs on it.",
        ),
        key("sku", Text, Required("\"EMS\""), "The product's part number or GUID."),
        key("disable_plans", Texts, Default("[]"), "Service plans of the product, by name or GUID, that stay off."),
        key(
            "only_plans",
            Texts,
            Default("[]"),
            "Instead of disable_plans: the only service plans of the product that are on.",
        ),
        key(
            "unless_has_plan",
            Texts,
            Optional("[\"INTUNE_A\"]"),
            "Who has one of these plans from whatever source needs no license. Without it: the product's Intune plan. \
             [] turns the check off.",
        ),
        key(
            "who",
            Inline(&WHO),
            Optional(
                "{ any = [{ ou = \"OU=Staff,DC=corp,DC=example,DC=com\" }, { filter = \"(employeeType=contractor)\" }] }",
            ),
            "Whom it is about, always among synced and enabled persons. Exactly one key each. Without it: everyone.",
        ),
        key(
            "priority",
            Number(-1_000_000, 1_000_000),
            Default("100"),
            "Where two rules want one product, or seats are short, the smaller number goes first.",
        ),
        key(
            "ready",
            Text,
            Optional("\"(employeeID=*)\""),
            "Nobody before the account matches this LDAP filter, too: what other systems write when they are done with it.",
        ),
        key(
            "delay",
            Duration("0s", "365d"),
            Default("\"0s\""),
            "How long the license is put off once somebody is to be given it.",
        ),
        key(
            "include_disabled",
            Flag,
            Default("false"),
            "Whether accounts that are disabled or expired are given it like others: for those who start next week.",
        ),
        key(
            "adopt",
            Choice(&[
                ("leave", "it stays as it is"),
                ("merge", "the plans that the rule names are turned off (or on, with only_plans), all others stay"),
                ("enforce", "its plans become those of the rule"),
            ]),
            Default("\"leave\""),
            "What is done where somebody holds the product directly with other plans, whoever gave it.",
        ),
        key(
            "on_leave",
            Choice(&[
                ("keep", "it stays"),
                (
                    "reclaim",
                    "it is taken back after \"grace\", if the rule stayed as it was; who returns before keeps it",
                ),
            ]),
            Default("\"keep\""),
            "What becomes of the license of those who leave: the account is deleted, disabled, or no longer meant by the rule.",
        ),
        key("grace", Duration("0s", "3650d"), Default("\"30d\""), "How long after leaving a license is taken back."),
        key(
            "reclaim",
            Choice(&[("ours", "those that seatsync gave"), ("any-direct", "every direct one of the product")]),
            Default("\"ours\""),
            "Which licenses are taken back.",
        ),
        key(
            "usage_location",
            Text,
            Optional("\"SE\""),
            "The usage location of those for whom no source has one, instead of usage_location.default.",
        ),
        key(
            "keep_free",
            Number(0, 1_000_000),
            Default("0"),
            "Seats of the product that this rule leaves to other rules.",
        ),
    ],
};
