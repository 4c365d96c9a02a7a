//! Why something is, or is not, written for one person: what each rule comes to, and each product.

use serde::Serialize;

use super::identity::SkuId;

/// All of it about one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasoning {
    /// The word for where the person stands between the directory and the tenant.
    pub presence: String,
    /// Each product that is wanted, held by seatsync, or was asked for by hand.
    pub products: Vec<ProductReason>,
    /// Each rule, in the order of the file.
    pub rules: Vec<RuleReason>,
}

/// What becomes of one product, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductReason {
    /// Which.
    pub sku: SkuId,
    /// Its name.
    pub product: String,
    /// What would be done now.
    pub outcome: Outcome,
    /// The word for where the entitlement stands.
    pub standing: String,
    /// The rule that decides, or decided.
    pub rule: Option<String>,
    /// Why, in words.
    pub why: String,
}

/// What would be done about a product now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is given.
    Give,
    /// The license that is there gets other plans.
    Change,
    /// It is taken away.
    Take,
    /// It waits for a seat.
    WaitForSeat,
    /// It is above a limit, and waits for approval.
    Hold,
    /// Nothing, now.
    Nothing,
}

impl Outcome {
    /// The word for lists.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Give => "give",
            Self::Change => "change",
            Self::Take => "take",
            Self::WaitForSeat => "wait for a seat",
            Self::Hold => "hold",
            Self::Nothing => "nothing",
        }
    }
}

/// What one rule comes to, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleReason {
    /// Which.
    pub rule: String,
    /// The product that it names, by its name in the tenant if there is such.
    pub product: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, in words.
    pub why: String,
}

/// What a rule comes to for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It means the person, and decides about its product.
    Decides,
    /// It means the person, and another rule or an operator goes first for the same product.
    Outranked,
    /// It means the person, who was there before it, or before us: left alone.
    Baseline,
    /// It means the person, who has what is wanted.
    Satisfied,
    /// It means the person, and an operator withholds the product.
    Withheld,
    /// It does not mean the person.
    NotMeant,
    /// It means the person once `ready` holds.
    NotReady,
    /// Nothing is given to who stands so between the directory and the tenant.
    NotPresent,
    /// It cannot be followed now.
    Unusable,
}

impl Verdict {
    /// The word for lists.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Decides => "decides",
            Self::Outranked => "outranked",
            Self::Baseline => "baseline",
            Self::Satisfied => "satisfied",
            Self::Withheld => "withheld",
            Self::NotMeant => "not meant",
            Self::NotReady => "not ready",
            Self::NotPresent => "not present",
            Self::Unusable => "unusable",
        }
    }
}
