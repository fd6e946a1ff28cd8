//! Names of the metadata that travels beside a call.

/// The viewer's verified token, as `Bearer <token>`. The backend verifies it again.
pub const AUTHORIZATION: &str = "authorization";

/// How many store statements the call ran: a decimal number in the response's initial metadata.
pub const STATEMENTS: &str = "nova-statements";

/// In the status of a call that a guard of the backend refused before anything was done, with who it stands before. The
/// service itself is well: such a call is not tried again, and does not count against it.
pub const REFUSED: &str = "nova-refused";

/// The value of [`REFUSED`] for a store before which the backend's breaker is open, or whose connections are all taken.
pub const STORE: &str = "store";
