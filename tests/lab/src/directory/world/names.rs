//! Names of people and places, for a population that looks like one.

/// A made-up person, the same for the same number.
#[derive(Debug, Clone)]
pub struct Person {
    /// givenName.
    pub given: &'static str,
    /// sn.
    pub surname: &'static str,
    /// How many share given and surname with a lower number.
    pub namesakes: usize,
}

impl Person {
    /// The person of that number. Given and surname together repeat only after all pairs have been used.
    pub fn numbered(number: usize) -> Person {
        let pairs = GIVEN.len() * SURNAMES.len();
        // Coprime to the number of pairs, so that neighbours differ in both names.
        let pair = number.wrapping_mul(STRIDE) % pairs;
        Person { given: GIVEN[pair % GIVEN.len()], surname: SURNAMES[pair / GIVEN.len()], namesakes: number / pairs }
    }

    /// What follows the name of a namesake: a space and their number.
    pub fn suffix(&self) -> String {
        if self.namesakes == 0 { String::new() } else { format!(" {}", self.namesakes + 1) }
    }
}

/// A country: its two letters, its name, its ISO number.
pub type Country = (&'static str, &'static str, u16);

/// Where the population lives.
pub const COUNTRIES: &[Country] = &[
    ("SE", "Sweden", 752),
    ("US", "United States", 840),
    ("DE", "Germany", 276),
    ("FR", "France", 250),
    ("GB", "United Kingdom", 826),
    ("NO", "Norway", 578),
    ("ES", "Spain", 724),
    ("PL", "Poland", 616),
    ("JP", "Japan", 392),
    ("IN", "India", 356),
];

/// Departments.
pub const DEPARTMENTS: &[&str] = &["Engineering", "Sales", "Finance", "Logistics", "Research & Development", "Legal"];

const STRIDE: usize = 1_009;

const GIVEN: &[&str] = &[
    "Anna",
    "Björn",
    "Chloé",
    "David",
    "Elena",
    "François",
    "Grace",
    "Håkan",
    "Ingrid",
    "José",
    "Kenji",
    "Lucía",
    "Marek",
    "Nadia",
    "Oskar",
    "Priya",
    "Quentin",
    "Renée",
    "Sören",
    "Tomás",
    "Ulrike",
    "Viktor",
    "Wei",
    "Ximena",
    "Yusuf",
    "Zoë",
    "Łukasz",
    "Żaneta",
    "Anne-Marie",
    "Jean Paul",
    "Mohammed",
    "Olga",
    "Peter",
    "Siobhán",
    "Tuğba",
    "Umar",
    "Vera",
    "William",
    "Yūki",
    "Zofia",
    "D’Arcy",
];

const SURNAMES: &[&str] = &[
    "Andersson",
    "Berg",
    "Çelik",
    "da Silva",
    "Eriksson",
    "Fernández",
    "García",
    "Håkansson",
    "Ito",
    "Jørgensen",
    "Kowalski",
    "Lindström",
    "Müller",
    "Nowak",
    "O'Brien",
    "Patel",
    "Quist",
    "Rossi",
    "Søndergaard",
    "Tanaka",
    "Ueda",
    "van der Berg",
    "Weiß",
    "Xu",
    "Yılmaz",
    "Zhang",
    "Ångström",
    "Öberg",
    "Smith, Jr.",
    "Smith-Jones",
    "de la Cruz",
    "MacDonald",
    "Núñez",
    "Papadopoulos",
    "Ramírez",
    "Straße",
    "Šimek",
    "Vū",
    "Wójcik",
    "Žižek",
    "Brown",
    "Dubois",
    "Evans",
];

/// Letters of a name that an account name or a mail address can hold: plain, lower case.
pub fn plain(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).filter_map(plain_letter).collect()
}

fn plain_letter(letter: char) -> Option<char> {
    match letter {
        'a'..='z' | '0'..='9' => Some(letter),
        'á' | 'å' | 'ä' | 'â' | 'à' | 'ā' => Some('a'),
        'ç' | 'č' | 'ć' => Some('c'),
        'é' | 'è' | 'ë' | 'ê' => Some('e'),
        'ğ' => Some('g'),
        'í' | 'ı' | 'ì' => Some('i'),
        'ł' => Some('l'),
        'ñ' | 'ń' => Some('n'),
        'ó' | 'ö' | 'ø' | 'ò' => Some('o'),
        'ß' | 'š' | 'ş' => Some('s'),
        'ú' | 'ü' | 'ū' | 'ù' => Some('u'),
        'ż' | 'ž' | 'ź' => Some('z'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pairs_do_not_repeat_before_all_are_used() {
        let pairs = GIVEN.len() * SURNAMES.len();
        let seen: BTreeSet<_> = (0..pairs).map(Person::numbered).map(|person| (person.given, person.surname)).collect();
        assert_eq!(seen.len(), pairs);
        assert_eq!(Person::numbered(pairs).namesakes, 1);
    }

    #[test]
    fn account_names_stay_plain() {
        assert_eq!(plain("Håkansson"), "hakansson");
        assert_eq!(plain("O'Brien"), "obrien");
    }
}
