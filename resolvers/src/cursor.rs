//! Cursors: opaque, tamper-evident, bound to the list that gave them out.
//!
//! A cursor is the place itself, (`created_at`, id), and a MAC over it and over the list it belongs to. So it stays valid
//! when its row is deleted, and is refused by every other list.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use nova_core::{Keyset, token::TokenSecret};
use sha2::Sha256;
use uuid::Uuid;

/// Which list a cursor belongs to: the field, and whose list it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListId {
    /// `Type.field`.
    pub(crate) field: &'static str,
    /// The parent object's id; for a list of the viewer's, the viewer's.
    pub(crate) parent: Uuid,
}

/// Bytes of the place: microseconds and an id.
const PLACE: usize = 8 + 16;
/// Bytes of the MAC that are kept (NIST SP 800-107 §5.3.3: 64 bits and up will do where guesses are slow).
const TAG: usize = 12;

/// The text is not a cursor that this list gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub(crate) struct CursorError;

/// Makes and reads cursors.
#[derive(Clone)]
pub(crate) struct CursorCodec(Hmac<Sha256>);

impl CursorCodec {
    /// A codec whose key is derived from `secret`, and good for nothing else.
    pub(crate) fn new(secret: &TokenSecret) -> Self {
        let mut derive = mac(secret.expose());
        derive.update(b"nova cursor v1");
        Self(mac(&derive.finalize().into_bytes()))
    }

    /// The cursor of the row at `place` of `list`.
    pub(crate) fn encode(&self, list: ListId, place: Keyset) -> String {
        let mut raw = [0; PLACE + TAG];
        raw[..8].copy_from_slice(&place.created_at.timestamp_micros().to_be_bytes());
        raw[8..PLACE].copy_from_slice(place.id.as_bytes());
        let tag = self.tag(list, &raw[..PLACE]).finalize().into_bytes();
        raw[PLACE..].copy_from_slice(&tag[..TAG]);
        URL_SAFE_NO_PAD.encode(raw)
    }

    /// The place that `cursor` names in `list`.
    pub(crate) fn decode(&self, list: ListId, cursor: &str) -> Result<Keyset, CursorError> {
        let mut raw = [0; PLACE + TAG + 2];
        let Ok(length) = URL_SAFE_NO_PAD.decode_slice(cursor, &mut raw) else { return Err(CursorError) };
        if length != PLACE + TAG {
            return Err(CursorError);
        }
        let (place, tag) = (&raw[..PLACE], &raw[PLACE..length]);
        self.tag(list, place).verify_truncated_left(tag).map_err(|_| CursorError)?;
        let (micros, id) = place.split_at(8);
        let micros = micros.try_into().map(i64::from_be_bytes).map_err(|_| CursorError)?;
        Ok(Keyset {
            created_at: DateTime::from_timestamp_micros(micros).ok_or(CursorError)?,
            id: Uuid::from_slice(id).map_err(|_| CursorError)?,
        })
    }

    fn tag(&self, list: ListId, place: &[u8]) -> Hmac<Sha256> {
        let mut tag = self.0.clone();
        // The place and the parent have a fixed length, so the field's end is never in doubt.
        tag.update(place);
        tag.update(list.parent.as_bytes());
        tag.update(list.field.as_bytes());
        tag
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104)")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codec(byte: u8) -> CursorCodec {
        CursorCodec::new(&TokenSecret::new([byte; 32]).unwrap())
    }

    const LIST: ListId = ListId { field: "User.posts", parent: Uuid::from_u128(7) };

    fn place() -> Keyset {
        Keyset { created_at: DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap(), id: Uuid::from_u128(9) }
    }

    #[test]
    fn a_cursor_names_its_place() {
        let cursor = codec(1).encode(LIST, place());
        assert_eq!(codec(1).decode(LIST, &cursor), Ok(place()));
    }

    #[test]
    fn a_cursor_belongs_to_one_list_of_one_fleet() {
        let cursor = codec(1).encode(LIST, place());
        assert_eq!(codec(2).decode(LIST, &cursor), Err(CursorError));
        assert_eq!(codec(1).decode(ListId { field: "User.followers", ..LIST }, &cursor), Err(CursorError));
        assert_eq!(codec(1).decode(ListId { parent: Uuid::from_u128(8), ..LIST }, &cursor), Err(CursorError));
    }

    proptest! {
        #[test]
        fn a_changed_cursor_is_refused(at in 0_usize..48, to in "[A-Za-z0-9_-]") {
            let cursor = codec(1).encode(LIST, place());
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &to);
            prop_assert!(changed == cursor || codec(1).decode(LIST, &changed) == Err(CursorError));
        }

        #[test]
        fn whatever_text_comes_nothing_breaks(text in ".{0,120}") {
            prop_assert_eq!(codec(1).decode(LIST, &text), Err(CursorError));
        }
    }
}
