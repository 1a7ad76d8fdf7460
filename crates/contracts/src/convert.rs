//! Wire types into domain types and back.
