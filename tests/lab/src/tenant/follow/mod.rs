//! Plays Entra Connect.
