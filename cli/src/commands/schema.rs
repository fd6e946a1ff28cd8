//! `nova schema`: the contract, as the code has it.

use crate::say;

pub(super) fn run() {
    say::result(nova_resolvers::sdl().trim_end());
}
