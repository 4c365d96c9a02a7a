//! A filter as text again, for the log.

use ldap3_proto::proto::LdapFilter;

/// The filter in the notation of RFC 4515.
pub fn filter(from: &LdapFilter) -> String {
    let all = |filters: &[LdapFilter]| filters.iter().map(filter).collect::<String>();
    match from {
        LdapFilter::And(filters) => format!("(&{})", all(filters)),
        LdapFilter::Or(filters) => format!("(|{})", all(filters)),
        LdapFilter::Not(inner) => format!("(!{})", filter(inner)),
        LdapFilter::Present(name) => format!("({name}=*)"),
        LdapFilter::Equality(name, value) => format!("({name}={})", written(value)),
        LdapFilter::Approx(name, value) => format!("({name}~={})", written(value)),
        LdapFilter::GreaterOrEqual(name, value) => format!("({name}>={})", written(value)),
        LdapFilter::LessOrEqual(name, value) => format!("({name}<={})", written(value)),
        LdapFilter::Substring(name, parts) => {
            let any: String = parts.any.iter().map(|part| format!("{}*", written(part))).collect();
            let ends = |part: &Option<String>| written(part.as_deref().unwrap_or_default());
            format!("({name}={}*{any}{})", ends(&parts.initial), ends(&parts.final_))
        }
        LdapFilter::Extensible(assertion) => {
            let name = assertion.type_.as_deref().unwrap_or_default();
            let rule = assertion.matching_rule.as_deref().unwrap_or_default();
            format!("({name}:{rule}:={})", written(&assertion.match_value))
        }
    }
}

/// Escapes as RFC 4515 has it.
fn written(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '(' | ')' | '*' | '\\' | '\0' => text.push_str(&format!("\\{:02x}", u32::from(letter))),
            _ => text.push(letter),
        }
    }
    text
}
