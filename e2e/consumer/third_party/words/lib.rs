//! Words of this repository's own.

/// What an order's number begins with.
pub const ORDER: &str = "order";
