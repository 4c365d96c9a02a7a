//! Distinguished names: how AD writes them, and how one is taken apart for comparison.

/// One part of a distinguished name, in lower case and unescaped, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rdn {
    /// The naming attribute, such as `cn`.
    pub attribute: String,
    /// The value.
    pub value: String,
}

/// A value as AD writes it inside a DN (RFC 4514, with `\0A` for the newline of deleted names).
pub fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 4);
    let last = value.chars().count().saturating_sub(1);
    for (at, letter) in value.chars().enumerate() {
        match letter {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                text.push('\\');
                text.push(letter);
            }
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || at == last => text.push_str("\\ "),
            '\n' => text.push_str("\\0A"),
            '\r' => text.push_str("\\0D"),
            _ => text.push(letter),
        }
    }
    text
}

/// Takes a DN apart, leaf first. `None` when it is not one.
pub fn parse(dn: &str) -> Option<Vec<Rdn>> {
    if dn.trim().is_empty() {
        return Some(Vec::new());
    }
    split(dn).into_iter().map(rdn).collect()
}

/// Cuts at the commas that are not escaped.
fn split(dn: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, letter) in dn.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&dn[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&dn[start..]);
    parts
}

fn rdn(part: &str) -> Option<Rdn> {
    let (attribute, value) = part.split_once('=')?;
    let attribute = attribute.trim();
    let named = attribute.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.');
    if attribute.is_empty() || !named {
        return None;
    }
    Some(Rdn { attribute: attribute.to_ascii_lowercase(), value: unescape(value.trim_start())?.to_lowercase() })
}

fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match rest {
            [high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push((nibble(*high) << 4) | nibble(*low));
                rest = tail;
            }
            [letter, tail @ ..] => {
                bytes.push(*letter);
                rest = tail;
            }
            [] => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

/// Whether two DNs name the same object.
pub fn same(one: &str, other: &str) -> bool {
    match (parse(one), parse(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_come_back() {
        for name in ["Berg, Anna", "#1 \"x\" <a+b;c>\\", "Zoë\nDEL:1234", " padded "] {
            let dn = format!("CN={},DC=test", escape(name));
            let parts = parse(&dn).expect("a DN");
            assert_eq!(parts.len(), 2, "{dn}");
            assert_eq!(parts[0].value, name.to_lowercase());
        }
    }

    #[test]
    fn forms_of_one_name_are_the_same() {
        assert!(same("CN=Berg\\2C Anna,dc=Test", "cn=berg\\, anna, DC=test"));
        assert!(!same("CN=a,DC=test", "CN=b,DC=test"));
        assert_eq!(parse("nonsense"), None);
    }
}
