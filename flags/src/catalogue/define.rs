//! The macro behind the catalogue: from one entry come the flag's id, its place in [`CATALOGUE`](super::CATALOGUE), the type of
//! its payload, and its accessor on the [`Policy`](crate::Policy).

/// A type that a field of a payload has. Its range comes from the entry; a value is checked before it gets here.
pub(crate) trait FieldType: Sized {
    /// The words that stand for its values, from 0 on; none for a number.
    const WORDS: &'static [&'static str] = &[];

    fn from_value(value: u64) -> Self;
}

macro_rules! field_types {
    ($($name:ty),*) => {$(
        impl FieldType for $name {
            fn from_value(value: u64) -> Self {
                Self::try_from(value).unwrap_or(Self::MAX)
            }
        }
    )*};
}
field_types!(u16, u32, u64);

macro_rules! catalogue {
    ($(
        $(#[doc = $doc:literal])*
        $id:ident $accessor:ident $name:literal {
            scope: $scope:ident, read_in: $read_in:ident, equivalence: $equivalence:expr, kind: $kind:ident,
            default: $default:literal, owner: $owner:literal, end: $end:expr,
            off: $off:literal,
            on: $on:literal,
            $(payload: $payload:ident { $($field:ident: $type:ty = $value:literal in $min:literal..=$max:literal, $meaning:literal;)+ })?
        }
    )*) => {
        /// A flag, as code names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FlagId {
            $($(#[doc = $doc])* $id,)*
        }

        impl FlagId {
            /// All flags, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$id),*];
        }

        /// All flags there are, in the order of [`FlagId`].
        pub static CATALOGUE: [Flag; FlagId::ALL.len()] = [$(Flag {
            name: $name,
            accessor: stringify!($accessor),
            scope: Scope::$scope,
            read_in: ReadIn::$read_in,
            equivalence: $equivalence,
            kind: Kind::$kind,
            default: $default,
            owner: $owner,
            end: $end,
            off: $off,
            on: $on,
            payload: &[$($(Field {
                name: stringify!($field), meaning: $meaning, default: $value, min: $min, max: $max,
                words: <$type as FieldType>::WORDS,
            }),+)?],
        },)*];

        $($(
            #[doc = concat!("The payload of `", $name, "`.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $payload {
                $(#[doc = $meaning] pub $field: $type,)+
            }
        )?)*

        impl crate::Policy {
            $(catalogue!(@accessor $(#[doc = $doc])* $id $accessor $($payload { $($field),+ })?);)*
        }
    };
    (@accessor $(#[doc = $doc:literal])* $id:ident $accessor:ident) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $accessor(&self) -> bool {
            self.is_on(FlagId::$id)
        }
    };
    (@accessor $(#[doc = $doc:literal])* $id:ident $accessor:ident $payload:ident { $($field:ident),+ }) => {
        $(#[doc = $doc])*
        #[doc = "`None` when it is off."]
        #[must_use]
        pub fn $accessor(&self) -> Option<$payload> {
            let mut values = self.values_of(FlagId::$id).iter().copied();
            self.is_on(FlagId::$id).then(|| $payload {
                $($field: FieldType::from_value(values.next().unwrap_or_default())),+
            })
        }
    };
}
pub(super) use catalogue;
