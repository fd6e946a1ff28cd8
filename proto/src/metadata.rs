//! Names of the metadata that travels beside a call.

/// The viewer's verified token, as `Bearer <token>`. The backend verifies it again.
pub const AUTHORIZATION: &str = "authorization";

/// How many store statements the call ran: a decimal number in the response's initial metadata.
pub const STATEMENTS: &str = "nova-statements";
