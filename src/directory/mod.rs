//! Feed 1: accounts from Active Directory over LDAP.
