//! The words of a `$filter`.

use crate::tenant::reply::GraphError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Name(String),
    Text(String),
    Sign(char),
}

pub(super) fn words(text: &str) -> Result<Vec<Word>, GraphError> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' => {}
            '\'' => words.push(Word::Text(quoted(&mut letters)?)),
            '(' | ')' | ',' => words.push(Word::Sign(letter)),
            // Between names in a lambda; within an instant it belongs to the word.
            ':' => words.push(Word::Sign(':')),
            _ => {
                let mut name = String::from(letter);
                let instant = letter.is_ascii_digit();
                while let Some(next) =
                    letters.next_if(|next| !matches!(next, ' ' | '\'' | '(' | ')' | ',') && (instant || *next != ':'))
                {
                    name.push(next);
                }
                words.push(Word::Name(name));
            }
        }
    }
    Ok(words)
}

/// The rest of a text in single quotes; two of them stand for one.
fn quoted(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, GraphError> {
    let mut text = String::new();
    loop {
        match letters.next() {
            Some('\'') if letters.next_if_eq(&'\'').is_some() => text.push('\''),
            Some('\'') => return Ok(text),
            Some(letter) => text.push(letter),
            None => {
                return Err(GraphError::bad_request("There is an unterminated string literal in '$filter'."));
            }
        }
    }
}
