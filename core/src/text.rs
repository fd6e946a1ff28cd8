//! What people write, checked: each type holds only what the store takes. Lengths are in characters (Unicode scalar values),
//! as the store counts them.

/// Why a text is not taken. The text itself is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than this many characters.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// A NUL character, which the store can't keep.
    #[error("must not contain NUL characters")]
    Nul,
    /// Not an address that a browser may be sent to.
    #[error("must be an http or https address")]
    NotWeb,
}

fn check(text: &str, max: usize, may_be_empty: bool) -> Result<(), TextError> {
    // A character has at most 4 bytes: what is longer than this need not be counted.
    if text.len() > max * 4 || text.chars().nth(max).is_some() {
        return Err(TextError::TooLong(max));
    }
    if text.contains('\0') {
        return Err(TextError::Nul);
    }
    if !may_be_empty && text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    Ok(())
}

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident: $max:literal, may_be_empty: $may_be_empty:literal $(, $more:path)?;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// [`TextError`] says what is wrong with it.
            pub fn new(text: String) -> Result<Self, TextError> {
                check(&text, $max, $may_be_empty)?;
                $($more(&text)?;)?
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }
    )*};
}

texts! {
    /// What a post or a comment says: 1 to 10,000 characters, not only white space.
    Body: 10_000, may_be_empty: false;
    /// What a post is filed under: 1 to 50 characters.
    Category: 50, may_be_empty: false;
    /// As somebody wants to be called: 1 to 100 characters.
    DisplayName: 100, may_be_empty: false;
    /// What somebody says about themselves: at most 1,000 characters.
    Bio: 1_000, may_be_empty: true;
    /// Where a picture is: an http or https address of at most 2,000 characters.
    AvatarUrl: 2_000, may_be_empty: false, web;
    /// What makes a write that is sent twice happen once: 1 to 64 characters of the client's choice.
    IdempotencyKey: 64, may_be_empty: false;
}

/// Other schemes (`javascript:` above all) would run where the address is shown.
fn web(text: &str) -> Result<(), TextError> {
    let address = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(TextError::NotWeb)?;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    if address.is_empty() || address.starts_with('/') || !address.chars().all(plain) {
        return Err(TextError::NotWeb);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_characters_not_bytes() {
        assert!(Body::new("é".repeat(10_000)).is_ok());
        assert!(Body::new("🦀".repeat(10_000)).is_ok());
        assert_eq!(Body::new("a".repeat(10_001)), Err(TextError::TooLong(10_000)));
        assert_eq!(Body::new("🦀".repeat(10_001)), Err(TextError::TooLong(10_000)));
        assert!(IdempotencyKey::new("k".repeat(64)).is_ok() && IdempotencyKey::new("k".repeat(65)).is_err());
    }

    #[test]
    fn nothing_is_not_a_text_and_a_nul_is_none() {
        for text in ["", " ", "\n\t", "\u{3000}"] {
            assert_eq!(Body::new(text.into()), Err(TextError::Empty), "{text:?}");
        }
        assert_eq!(Body::new("a\0b".into()), Err(TextError::Nul));
        assert!(Bio::new(String::new()).is_ok());
    }

    #[test]
    fn a_picture_is_on_the_web() {
        assert!(AvatarUrl::new("https://pictures.example/a.png?x=1#y".into()).is_ok());
        for text in [
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "//example.com/a",
            "https://",
            "https:///a",
            "http://a b",
            "ftp://a/b",
        ] {
            assert_eq!(AvatarUrl::new(text.into()), Err(TextError::NotWeb), "{text}");
        }
    }
}
