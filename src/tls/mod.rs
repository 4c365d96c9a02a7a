//! The one rustls configuration, for LDAP and Graph.
