//! Feed 2 and the way out: users, products and writes through Microsoft Graph.
