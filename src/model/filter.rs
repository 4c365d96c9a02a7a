//! The rules' filter language: LDAP filters (RFC 4515), answered from stored attributes.

use std::collections::BTreeSet;
use std::fmt;

use super::rule::any_of;

/// A parsed filter. Attribute names are in lower case; values compare without case, as AD's directory strings do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `(&(a)(b)…)`; of nothing: true.
    And(Vec<Filter>),
    /// `(|(a)(b)…)`; of nothing: false.
    Or(Vec<Filter>),
    /// `(!(a))`.
    Not(Box<Filter>),
    /// `(name=*)`.
    Present(String),
    /// `(name=value)`.
    Equals(String, String),
    /// `(name>=value)`: as numbers where both are, else by text.
    AtLeast(String, String),
    /// `(name<=value)`.
    AtMost(String, String),
    /// `(name=initial*any*…*final)`; empty ends match anything.
    Like(String, Vec<String>),
    /// `(name:1.2.840.113556.1.4.803:=n)`: all bits of n are set (MS-ADTS 3.1.1.3.4.4.1).
    AllBits(String, u64),
    /// `(name:1.2.840.113556.1.4.804:=n)`: one of them is.
    AnyBit(String, u64),
}

/// As RFC 4515 writes it: what a domain controller is asked, and what [`Filter::parse`] reads as the same again.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, sign: char, parts: &[Filter]| {
            write!(f, "({sign}")?;
            parts.iter().try_for_each(|part| part.fmt(f))?;
            f.write_str(")")
        };
        match self {
            Self::And(parts) => list(f, '&', parts),
            Self::Or(parts) => list(f, '|', parts),
            Self::Not(part) => write!(f, "(!{part})"),
            Self::Present(name) => write!(f, "({name}=*)"),
            Self::Equals(name, value) => write!(f, "({name}={})", escaped(value)),
            Self::AtLeast(name, value) => write!(f, "({name}>={})", escaped(value)),
            Self::AtMost(name, value) => write!(f, "({name}<={})", escaped(value)),
            Self::Like(name, parts) => {
                let [first, middle @ .., last] = &parts[..] else { return write!(f, "({name}=*)") };
                write!(f, "({name}={}*", escaped(first))?;
                for part in middle.iter().filter(|part| !part.is_empty()) {
                    write!(f, "{}*", escaped(part))?;
                }
                write!(f, "{})", escaped(last))
            }
            Self::AllBits(name, bits) => write!(f, "({name}:{ALL_BITS}:={})", bits.cast_signed()),
            Self::AnyBit(name, bits) => write!(f, "({name}:{ANY_BIT}:={})", bits.cast_signed()),
        }
    }
}

/// A value within a filter (RFC 4515, 3), on one line whatever it is.
#[must_use]
pub fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '*' | '(' | ')' | '\\') || letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
        {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("\\{byte:02x}"));
            }
        } else {
            text.push(letter);
        }
    }
    text
}

/// All bits are set (MS-ADTS 3.1.1.3.4.4.1).
const ALL_BITS: &str = "1.2.840.113556.1.4.803";
/// One of them is (MS-ADTS 3.1.1.3.4.4.2).
const ANY_BIT: &str = "1.2.840.113556.1.4.804";

/// Where and why a filter could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {at}")]
pub struct FilterError {
    /// Count of characters before it.
    pub at: usize,
    /// What was met, and what is expected.
    pub what: String,
}

/// Nesting beyond this is refused: no operator writes it, and it would cost stack.
const MAX_DEPTH: usize = 64;

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// When it is not one, with the place.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut reader = Reader { chars: text.chars().collect(), at: 0 };
        reader.blanks();
        let filter = reader.filter(0)?;
        reader.blanks();
        if reader.at < reader.chars.len() {
            return Err(reader.error("text after the end of the filter"));
        }
        Ok(filter)
    }

    /// The attributes it asks for, in lower case.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<String> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::attributes).collect(),
            Self::Not(part) => part.attributes(),
            Self::Present(name)
            | Self::Equals(name, _)
            | Self::AtLeast(name, _)
            | Self::AtMost(name, _)
            | Self::Like(name, _)
            | Self::AllBits(name, _)
            | Self::AnyBit(name, _) => BTreeSet::from([name.clone()]),
        }
    }

    /// Answers from an attribute's values. An absent attribute makes a comparison false, not undefined: what AD does for an
    /// attribute that its schema has. `None` is a number asked of text that is none.
    pub fn matches<'a>(&self, values: &impl Fn(&str) -> &'a [String]) -> Option<bool> {
        match self {
            Self::And(parts) => {
                any_of(parts.iter().map(|part| part.matches(values).map(|answer| !answer))).map(|any| !any)
            }
            Self::Or(parts) => any_of(parts.iter().map(|part| part.matches(values))),
            Self::Not(part) => part.matches(values).map(|answer| !answer),
            Self::Present(name) => Some(!values(name).is_empty()),
            Self::Equals(name, wanted) => Some(values(name).iter().any(|value| alike(value, wanted))),
            Self::AtLeast(name, bound) => Some(values(name).iter().any(|value| compare(value, bound).is_ge())),
            Self::AtMost(name, bound) => Some(values(name).iter().any(|value| compare(value, bound).is_le())),
            Self::Like(name, parts) => Some(values(name).iter().any(|value| like(&fold(value), parts))),
            Self::AllBits(name, bits) => {
                any_of(values(name).iter().map(|value| number(value).map(|n| n & bits == *bits)))
            }
            Self::AnyBit(name, bits) => any_of(values(name).iter().map(|value| number(value).map(|n| n & bits != 0))),
        }
    }
}

/// Without case. Only what is not ASCII needs to be folded for that.
fn alike(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() { one.eq_ignore_ascii_case(other) } else { fold(one) == fold(other) }
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// AD writes bit fields as signed decimals.
fn number(text: &str) -> Option<u64> {
    text.trim().parse::<i64>().ok().map(i64::cast_unsigned)
}

fn compare(value: &str, bound: &str) -> std::cmp::Ordering {
    match (value.trim().parse::<i64>(), bound.trim().parse::<i64>()) {
        (Ok(value), Ok(bound)) => value.cmp(&bound),
        _ => fold(value).cmp(&fold(bound)),
    }
}

/// `parts` are the folded pieces between the stars; the first and last are anchored.
fn like(value: &str, parts: &[String]) -> bool {
    let [first, middle @ .., last] = parts else {
        return false;
    };
    let Some(mut rest) = value.strip_prefix(first.as_str()) else {
        return false;
    };
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn error(&self, what: impl Into<String>) -> FilterError {
        FilterError { at: self.at, what: what.into() }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), FilterError> {
        match self.peek() {
            Some(found) if found == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(found) => Err(self.error(format!("found \"{found}\" where \"{wanted}\" is expected"))),
            None => Err(self.error(format!("it ends where \"{wanted}\" is expected"))),
        }
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of parentheses")));
        }
        self.expect('(')?;
        self.blanks();
        let filter = match self.peek() {
            Some('&') => Filter::And(self.list(depth)?),
            Some('|') => Filter::Or(self.list(depth)?),
            Some('!') => {
                self.at += 1;
                self.blanks();
                let part = self.filter(depth + 1)?;
                self.blanks();
                Filter::Not(Box::new(part))
            }
            _ => self.item()?,
        };
        self.expect(')')?;
        Ok(filter)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        self.at += 1;
        self.blanks();
        let mut parts = Vec::new();
        while self.peek() == Some('(') {
            parts.push(self.filter(depth + 1)?);
            self.blanks();
        }
        Ok(parts)
    }

    fn item(&mut self) -> Result<Filter, FilterError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ')) {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() {
            return Err(self.error("an attribute name is expected"));
        }
        match self.peek() {
            Some(':') => self.bits(name),
            Some('>') => self.bound().map(|value| Filter::AtLeast(name, value)),
            Some('<') => self.bound().map(|value| Filter::AtMost(name, value)),
            _ => {
                self.expect('=')?;
                Ok(equality(name, self.value()?))
            }
        }
    }

    fn bound(&mut self) -> Result<String, FilterError> {
        self.at += 1;
        self.expect('=')?;
        let start = self.at;
        match <[String; 1]>::try_from(self.value()?) {
            Ok([value]) => Ok(value),
            Err(_) => Err(FilterError { at: start, what: "a bound cannot hold a star".into() }),
        }
    }

    fn bits(&mut self, name: String) -> Result<Filter, FilterError> {
        let start = self.at;
        self.at += 1;
        let mut rule = String::new();
        while let Some(c) = self.peek().filter(|c| *c != ':') {
            rule.push(c);
            self.at += 1;
        }
        self.expect(':')?;
        self.expect('=')?;
        let value = self.value()?.concat();
        let bits = number(&value).ok_or_else(|| self.error(format!("\"{value}\" is not a number")))?;
        match rule.as_str() {
            ALL_BITS => Ok(Filter::AllBits(name, bits)),
            ANY_BIT => Ok(Filter::AnyBit(name, bits)),
            _ => Err(FilterError {
                at: start,
                what: format!("matching rule {rule} is not known here; {ALL_BITS} (all bits) and …804 (any bit) are"),
            }),
        }
    }

    /// The pieces of a value between its stars, unescaped: a value without a star is one piece.
    fn value(&mut self) -> Result<Vec<String>, FilterError> {
        let mut pieces = vec![Vec::new()];
        loop {
            let last = pieces.len() - 1;
            match self.peek() {
                None | Some(')') => break,
                Some('(') => return Err(self.error("\"(\" within a value: write it as \\28")),
                Some('*') => pieces.push(Vec::new()),
                Some('\\') => {
                    let hex: String = self.chars.iter().skip(self.at + 1).take(2).collect();
                    let byte = u8::from_str_radix(&hex, 16)
                        .map_err(|_| self.error("two hexadecimal digits are expected after a backslash"))?;
                    pieces[last].push(byte);
                    self.at += 2;
                }
                Some(c) => pieces[last].extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            self.at += 1;
        }
        pieces
            .into_iter()
            .map(|piece| {
                String::from_utf8(piece)
                    .map_err(|_| self.error("a value must be text: attributes of bytes cannot be compared"))
            })
            .collect()
    }
}

fn equality(name: String, mut pieces: Vec<String>) -> Filter {
    match pieces.len() {
        1 => Filter::Equals(name, pieces.remove(0)),
        2 if pieces.iter().all(String::is_empty) => Filter::Present(name),
        _ => Filter::Like(name, pieces.iter().map(|piece| fold(piece)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(filter: &str) -> Option<bool> {
        let none: &[String] = &[];
        let dept = vec!["Sales, North".to_owned()];
        let kind = vec!["contractor".to_owned(), "Ärztin".to_owned()];
        let flags = vec!["514".to_owned()];
        Filter::parse(filter).unwrap().matches(&|name| match name {
            "department" => dept.as_slice(),
            "employeetype" => kind.as_slice(),
            "useraccountcontrol" => flags.as_slice(),
            _ => none,
        })
    }

    #[test]
    fn filters_answer_as_a_domain_controller_does() {
        for (filter, answer) in [
            ("(employeeType=Contractor)", true),
            ("(employeeType=ÄRZTIN)", true),
            ("(employeeType=intern)", false),
            ("(department=Sales*)", true),
            ("(department=*north)", true),
            ("(department=s*,*n*h)", true),
            ("(department=Sales*north*x)", false),
            (r"(department=Sales\2c North)", true),
            ("(department=*)", true),
            ("(company=*)", false),
            ("(!(company=x))", true),
            ("(&(department=*)(employeeType=contractor))", true),
            ("( | (company=*) (employeeType=contractor) )", true),
            ("(&)", true),
            ("(|)", false),
            ("(userAccountControl:1.2.840.113556.1.4.803:=2)", true),
            ("(userAccountControl:1.2.840.113556.1.4.803:=3)", false),
            ("(userAccountControl:1.2.840.113556.1.4.804:=3)", true),
            ("(userAccountControl>=100)", true),
            ("(userAccountControl<=100)", false),
        ] {
            assert_eq!(ask(filter), Some(answer), "{filter}");
        }
        assert_eq!(ask("(department:1.2.840.113556.1.4.803:=2)"), None);
        assert_eq!(ask("(!(department:1.2.840.113556.1.4.803:=2))"), None);
    }

    #[test]
    fn wrong_filters_say_where() {
        for (filter, at) in [
            ("", 0),
            ("employeeType=x", 0),
            ("(employeeType=x", 15),
            ("(employeeType=x))", 16),
            ("(=x)", 1),
            ("(a=b(c)", 4),
            (r"(a=\zz)", 3),
            ("(a:1.2.3:=1)", 2),
            ("(a>=b*)", 4),
        ] {
            assert_eq!(Filter::parse(filter).map_err(|error| error.at), Err(at), "{filter}");
        }
        assert!(Filter::parse(&format!("{}(a=b){}", "(!".repeat(100), ")".repeat(100))).is_err());
    }

    /// What an attacker would write into a name, among anything else.
    fn hostile() -> impl Strategy<Value = String> {
        let nasty = "[*()\\\\\x00,;+\"<>#= \r\n\u{2028}\u{85}]|\\\\[0-9a-f]{2}|\\*\\)\\(\\||[a-zäß中]";
        proptest::collection::vec(nasty, 0..12).prop_map(|parts| parts.concat())
    }

    fn filters() -> impl Strategy<Value = Filter> {
        let name = || "[a-z][a-z0-9-]{0,8}".prop_map(|name| name);
        let leaf = prop_oneof![
            name().prop_map(Filter::Present),
            (name(), hostile()).prop_map(|(name, value)| Filter::Equals(name, value)),
            (name(), hostile()).prop_map(|(name, value)| Filter::AtLeast(name, value)),
            (name(), hostile()).prop_map(|(name, value)| Filter::AtMost(name, value)),
            (name(), hostile(), proptest::collection::vec("[a-z*()]{1,3}", 0..3), "x{0,2}").prop_map(
                |(name, first, middle, last)| {
                    let parts = std::iter::once(fold(&first)).chain(middle).chain([format!("{last}z")]);
                    Filter::Like(name, parts.collect())
                }
            ),
            (name(), any::<u64>()).prop_map(|(name, bits)| Filter::AllBits(name, bits)),
            (name(), any::<u64>()).prop_map(|(name, bits)| Filter::AnyBit(name, bits)),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
                inner.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(filter in filters()) {
            let text = filter.to_string();
            prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
        }

        #[test]
        fn no_value_says_more_than_one_assertion_on_one_line(value in hostile()) {
            let text = format!("(&(cn={})(objectclass=user))", escaped(&value));
            prop_assert!(text.lines().count() == 1 && !text.chars().any(char::is_control), "{:?}", text);
            let user = Filter::Equals("objectclass".into(), "user".into());
            let expected = Filter::And(vec![Filter::Equals("cn".into(), value.clone()), user]);
            prop_assert_eq!(Filter::parse(&text), Ok(expected));
            // It means that value and no other.
            let asked = Filter::Equals("cn".into(), value.clone());
            prop_assert_eq!(asked.matches(&|_: &str| std::slice::from_ref(&value)), Some(true));
            let others = ["", "*", "a", "admin"].map(str::to_owned);
            let others: Vec<String> = others.into_iter().filter(|other| fold(other) != fold(&value)).collect();
            prop_assert_eq!(asked.matches(&|_: &str| others.as_slice()), Some(false));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[ -~\\PC]{0,60}") {
            if let Ok(filter) = Filter::parse(&text) {
                let again = Filter::parse(&filter.to_string());
                prop_assert!(again.is_ok(), "{}: {}", filter, text);
            }
        }
    }
}
