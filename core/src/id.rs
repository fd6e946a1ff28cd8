//! Ids: typed inside the house, opaque outside it.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident = $tag:literal;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The opaque form that clients see.
            #[must_use]
            pub fn to_global(self) -> String {
                encode($tag, self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A user.
    UserId = b'u';
    /// A post.
    PostId = b'p';
    /// A comment.
    CommentId = b'c';
}

/// The id of any object that `node` can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeId {
    /// A user's.
    User(UserId),
    /// A post's.
    Post(PostId),
    /// A comment's.
    Comment(CommentId),
}

/// The text is not an id that this API gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this API")]
pub struct NodeIdError;

fn encode(tag: u8, id: Uuid) -> String {
    let mut raw = [tag; 17];
    raw[1..].copy_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(raw)
}

impl NodeId {
    /// Reads the opaque form.
    ///
    /// # Errors
    /// [`NodeIdError`] for anything that `to_global` does not produce.
    pub fn from_global(text: &str) -> Result<Self, NodeIdError> {
        let mut raw = [0; 18];
        let Ok(17) = URL_SAFE_NO_PAD.decode_slice(text, &mut raw) else { return Err(NodeIdError) };
        let id = Uuid::from_slice(&raw[1..17]).map_err(|_| NodeIdError)?;
        match raw[0] {
            b'u' => Ok(Self::User(UserId(id))),
            b'p' => Ok(Self::Post(PostId(id))),
            b'c' => Ok(Self::Comment(CommentId(id))),
            _ => Err(NodeIdError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_way_out_and_back_with_its_type() {
        let id = Uuid::from_u128(0x0192_f000_0000_7000_8000_0000_0000_0001);
        assert_eq!(NodeId::from_global(&UserId(id).to_global()), Ok(NodeId::User(UserId(id))));
        assert_eq!(NodeId::from_global(&PostId(id).to_global()), Ok(NodeId::Post(PostId(id))));
        assert_eq!(NodeId::from_global(&CommentId(id).to_global()), Ok(NodeId::Comment(CommentId(id))));
    }

    #[test]
    fn whatever_else_is_refused() {
        let good = UserId(Uuid::from_u128(7)).to_global();
        let longer = format!("{good}A");
        let foreign = encode(b'x', Uuid::from_u128(7));
        for text in ["", "1", "VXNlcjox", &good[1..], &longer, &foreign, "ünïcode", &"A".repeat(1 << 16)] {
            assert_eq!(NodeId::from_global(text), Err(NodeIdError), "{text:.40}");
        }
    }
}
