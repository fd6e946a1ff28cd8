//! Names of the metadata that travels beside a call.

/// The viewer's verified token, as `Bearer <token>`. The backend verifies it again.
pub const AUTHORIZATION: &str = "authorization";

/// How many store statements the call ran: a decimal number in the response's initial metadata.
pub const STATEMENTS: &str = "nova-statements";

/// Beside `UNAVAILABLE`: what it was that the call was not passed on to. Whoever answers so is well, and would say the same
/// again: there is nothing to try once more, and nothing to count against it.
pub const REFUSED: &str = "nova-refused";

/// The value of [`REFUSED`] for a store before which the backend's breaker is open, or whose connections are all taken.
pub const STORE: &str = "store";
