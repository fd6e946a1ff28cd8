//! `nova errors`: the codes that clients can meet, as `docs/errors.md` has them.

use nova_core::ErrorCode;

use crate::say;

pub(super) fn run() {
    say::result(ErrorCode::catalogue().trim_end());
}
