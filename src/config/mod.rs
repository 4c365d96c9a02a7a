//! The file as written, and the settings it resolves to.
