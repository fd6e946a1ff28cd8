//! The policy on the wire: what of it the backend reads, in a few bytes of metadata. Version, hash of the catalogue, one bit for
//! each flag, then the payloads of those that are on. Reading it decides nothing: whose word counts is the reader's business.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hasher as _},
    sync::LazyLock,
};

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::{
    catalogue::{FlagId, ReadIn, Scope},
    policy::{Policy, Values},
};

/// The name of the metadata.
pub const METADATA: &str = "nova-policy-bin";
/// Longest text that is read, in bytes.
const MAX_BYTES: usize = 1_024;

const VERSION: u8 = 1;

/// Why a policy on the wire is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It was written by another catalogue than ours: its bits mean something else.
    #[error("the policy is of another catalogue of flags")]
    Foreign,
    /// It is none.
    #[error("the bytes are no policy")]
    Malformed,
}

/// What travels: what the backend reads and the gateway decides.
fn travelling() -> impl Iterator<Item = FlagId> {
    FlagId::ALL.iter().copied().filter(|id| id.flag().scope == Scope::Request && id.flag().read_in == ReadIn::Backend)
}

/// Stands for what travels and in what order: names, fields, and their ranges.
static CATALOGUE_HASH: LazyLock<u64> = LazyLock::new(|| {
    let mut text = String::new();
    for id in travelling() {
        text.push_str(id.flag().name);
        for field in id.flag().payload {
            // Writing to a text does not fail.
            let _ = write!(text, " {} {} {}", field.name, field.min, field.max);
        }
        text.push('\n');
    }
    fnv1a(text.as_bytes())
});

/// FNV-1a, 64 bits (draft-eastlake-fnv): the same in every build, which the standard library's hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Tells policies apart within this process, as far as calls to the backend are concerned: what travels, and the guards.
pub(crate) fn calls_hash(wire: &[u8], values: &Values) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(wire);
    let guards = FlagId::ALL.iter().copied().filter(|id| id.flag().name.starts_with("guard."));
    for id in guards.filter(|id| id.flag().scope == Scope::Request && id.flag().read_in == ReadIn::Gateway) {
        hasher.write_u8(values.is_on(id).into());
        if values.is_on(id) {
            values.slots(id).iter().for_each(|slot| hasher.write_u64(*slot));
        }
    }
    hasher.finish()
}

pub(crate) fn encode(values: &Values) -> Bytes {
    let mut bytes = BytesMut::with_capacity(16);
    bytes.put_u8(VERSION);
    bytes.put_u64(*CATALOGUE_HASH);
    let bits = travelling().enumerate().fold(0, |bits, (at, id)| bits | (u64::from(values.is_on(id)) << at));
    put_varint(&mut bytes, bits);
    for id in travelling().filter(|id| values.is_on(*id)) {
        for value in values.slots(id) {
            put_varint(&mut bytes, *value);
        }
    }
    bytes.freeze()
}

impl Policy {
    /// The policy that `wire` says, as far as it travels; the rest is as in `rest`.
    ///
    /// # Errors
    /// [`WireError`] when it can't be obeyed.
    pub fn from_wire(wire: &[u8], rest: &Self) -> Result<Self, WireError> {
        if wire == rest.wire() {
            return Ok(rest.clone());
        }
        if wire.len() > MAX_BYTES {
            return Err(WireError::Malformed);
        }
        let (version, wire) = wire.split_first().ok_or(WireError::Malformed)?;
        let (hash, mut wire) = wire.split_first_chunk().ok_or(WireError::Malformed)?;
        if *version != VERSION || u64::from_be_bytes(*hash) != *CATALOGUE_HASH {
            return Err(WireError::Foreign);
        }
        let mut values = *rest.values();
        let mut bits = take_varint(&mut wire)?;
        for id in travelling() {
            let on = bits & 1 == 1;
            bits >>= 1;
            values.set(id, on);
            if !on {
                continue;
            }
            for (slot, field) in values.slots_mut(id).iter_mut().zip(id.flag().payload) {
                *slot = take_varint(&mut wire)?;
                if !(field.min..=field.max).contains(slot) {
                    return Err(WireError::Malformed);
                }
            }
        }
        if bits == 0 && wire.is_empty() { Ok(Self::of(&values)) } else { Err(WireError::Malformed) }
    }
}

/// Seven bits a byte, the least significant first (LEB128, as in protocol buffers).
fn put_varint(bytes: &mut BytesMut, mut value: u64) {
    while value > 0x7f {
        bytes.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.put_u8((value & 0x7f) as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Result<u64, WireError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(WireError::Malformed)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(WireError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_a_few_bytes() {
        assert!(Policy::defaults().wire().len() < 32, "{:?}", Policy::defaults().wire());
    }

    #[test]
    fn what_can_not_be_obeyed_is_told_apart() {
        let rest = Policy::defaults();
        let policy = rest.with(FlagId::GuardFastAcquire, false);
        let wire = policy.wire();
        assert_eq!(Policy::from_wire(wire, &rest), Ok(policy.clone()));
        let changed = |at: usize| {
            let mut bytes = wire.to_vec();
            bytes[at] ^= 1;
            Policy::from_wire(&bytes, &rest)
        };
        assert_eq!(changed(0), Err(WireError::Foreign), "another version");
        assert_eq!(changed(5), Err(WireError::Foreign), "another catalogue");
        for bytes in [&[][..], &wire[..4], &wire[..wire.len() - 1], &[&wire[..], &[0]].concat(), &[0; 2_000]] {
            assert_eq!(Policy::from_wire(bytes, &rest), Err(WireError::Malformed), "{bytes:?}");
        }
        let unknown_bit = [&wire[..9], &[0xff, 0x7f]].concat();
        assert_eq!(Policy::from_wire(&unknown_bit, &rest), Err(WireError::Malformed));
    }

    #[test]
    fn what_does_not_travel_is_the_readers() {
        let theirs = Policy::defaults().with(FlagId::JobsSweep, false).with(FlagId::GuardFastAcquire, false);
        let ours = Policy::defaults();
        assert_eq!(Policy::from_wire(theirs.wire(), &ours), Ok(ours.with(FlagId::GuardFastAcquire, false)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bits in any::<u64>(), seed in any::<u64>()) {
            let mut values = Values::defaults();
            for (at, id) in FlagId::ALL.iter().copied().enumerate() {
                values.set(id, bits >> at & 1 == 1);
                for (slot, field) in values.slots_mut(id).iter_mut().zip(id.flag().payload) {
                    *slot = field.min + seed % (field.max - field.min + 1);
                }
            }
            let policy = Policy::of(&values);
            let read = Policy::from_wire(policy.wire(), &Policy::defaults()).unwrap();
            for id in travelling() {
                prop_assert_eq!(read.is_on(id), policy.is_on(id));
                if policy.is_on(id) {
                    prop_assert_eq!(read.values_of(id), policy.values_of(id));
                }
            }
            prop_assert_eq!(read.wire(), policy.wire());
        }

        #[test]
        fn numbers_of_any_size_are_read_as_written(value in any::<u64>()) {
            let mut bytes = BytesMut::new();
            put_varint(&mut bytes, value);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_varint(&mut rest), Ok(value));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), known in any::<bool>()) {
            let wire = Policy::defaults();
            let bytes = if known { [&wire.wire()[..9], &bytes].concat() } else { bytes };
            let _ = Policy::from_wire(&bytes, &wire);
        }
    }
}
