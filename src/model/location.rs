//! Usage locations: ISO 3166-1 alpha-2 country codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The officially assigned codes (ISO 3166-1:2020, as of 2026).
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW \
    BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE \
    KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC \
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ \
    VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// A usage location, in upper case. Parsed from text it is an assigned code; read from the tenant it is whatever two
/// letters stand there, since a code that we do not know (such as `XK`) is still one that somebody set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UsageLocation([u8; 2]);

/// Text that is no usage location.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// The common mistake.
    #[error("\"UK\" is not a country code: the United Kingdom is \"GB\"")]
    Uk,
    /// Anything else.
    #[error("\"{0}\" is not an ISO 3166-1 country code of two letters, such as \"SE\"")]
    Unknown(String),
}

impl UsageLocation {
    /// Takes the value that a tenant holds: any two ASCII letters, assigned or not.
    #[must_use]
    pub fn from_tenant(text: &str) -> Option<Self> {
        let bytes = <[u8; 2]>::try_from(text.trim().as_bytes()).ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Self(bytes.map(|letter| letter.to_ascii_uppercase())))
    }
}

impl FromStr for UsageLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = text.trim().to_ascii_uppercase();
        match <[u8; 2]>::try_from(code.as_bytes()) {
            Ok(bytes) if CODES.as_bytes().chunks(3).any(|known| known.starts_with(&bytes)) => Ok(Self(bytes)),
            _ if code == "UK" => Err(LocationError::Uk),
            _ => Err(LocationError::Unknown(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for UsageLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("??"))
    }
}

impl TryFrom<String> for UsageLocation {
    type Error = LocationError;

    /// For what was stored: it may have been read from the tenant, so the list of assigned codes does not apply.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_tenant(&text).ok_or(LocationError::Unknown(text))
    }
}

impl From<UsageLocation> for String {
    fn from(location: UsageLocation) -> Self {
        location.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_codes_pass() {
        assert_eq!(" se ".parse::<UsageLocation>().unwrap().to_string(), "SE");
        assert_eq!("uk".parse::<UsageLocation>(), Err(LocationError::Uk));
        for wrong in ["", "S", "SWE", "XX", "É", "EU"] {
            assert!(wrong.parse::<UsageLocation>().is_err(), "{wrong}");
        }
        assert_eq!(CODES.split_ascii_whitespace().count(), 249);
    }

    #[test]
    fn what_the_tenant_holds_survives_the_store() {
        let kosovo = UsageLocation::from_tenant("xk").unwrap();
        assert_eq!(kosovo.to_string(), "XK");
        assert!("XK".parse::<UsageLocation>().is_err());
        let stored = serde_json::to_string(&kosovo).unwrap();
        assert_eq!(serde_json::from_str::<UsageLocation>(&stored).unwrap(), kosovo);
        for wrong in ["", "S", "SWE", "S1", "É"] {
            assert_eq!(UsageLocation::from_tenant(wrong), None, "{wrong}");
        }
    }
}
