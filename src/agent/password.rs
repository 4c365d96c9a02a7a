//! The initial password of a user who is made by hand.

use std::fmt;

use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};

/// Sixty-four characters, so that six bits choose one evenly; none that is easily taken for another (l, o, I, O, 0, 1).
const ALPHABET: &[u8; 64] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#%*+-=?";

/// Characters of a password: 120 bits, and within Entra's 8 to 256.
const LENGTH: usize = 20;

/// A password from the operating system's random numbers, with lower and upper case, digits and symbols. It cannot be
/// printed by accident: [`InitialPassword::reveal`] is the only way to it.
#[derive(Clone)]
pub struct InitialPassword(SecretString);

/// The operating system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomness;

impl InitialPassword {
    /// Draws one.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn draw() -> Result<Self, NoRandomness> {
        let random = SystemRandom::new();
        loop {
            let mut bytes = [0; LENGTH];
            random.fill(&mut bytes).map_err(|_| NoRandomness)?;
            let text: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect();
            let password = Self(SecretString::from(text));
            if password.has_all_kinds() {
                return Ok(password);
            }
        }
    }

    /// The password, to be handed to whoever asked for the user and to nobody else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.0
    }

    fn has_all_kinds(&self) -> bool {
        let kinds: [fn(&char) -> bool; 4] =
            [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit, char::is_ascii_punctuation];
        kinds.iter().all(|kind| self.reveal().chars().any(|one| kind(&one)))
    }
}

impl fmt::Debug for InitialPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InitialPassword")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn passwords_are_long_of_all_kinds_and_never_the_same() {
        let drawn: Vec<InitialPassword> = (0..500).map(|_| InitialPassword::draw().unwrap()).collect();
        for password in &drawn {
            assert!(password.has_all_kinds() && password.reveal().len() == LENGTH);
            assert_eq!(format!("{password:?}"), "InitialPassword");
        }
        assert_eq!(drawn.iter().map(InitialPassword::reveal).collect::<BTreeSet<_>>().len(), 500);
        let used: BTreeSet<u8> = drawn.iter().flat_map(|password| password.reveal().bytes()).collect();
        assert_eq!(used, ALPHABET.iter().copied().collect(), "every character is drawn");
        assert_eq!(used.len(), 64);
    }
}
