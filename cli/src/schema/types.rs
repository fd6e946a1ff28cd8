//! Whether one type can stand where another stood.

use cynic_parser::{
    common::WrappingType::{List, NonNull},
    type_system::Type,
};

/// Whether clients that expect `old` can live with an answer of `new`: it may promise more, never less.
pub(super) fn output_holds(old: Type<'_>, new: Type<'_>) -> bool {
    old.name() == new.name() && fits(old, new)
}

/// Whether what clients gave as `old` is good as `new`: it may demand less, never more.
pub(super) fn input_holds(old: Type<'_>, new: Type<'_>) -> bool {
    old.name() == new.name() && fits(new, old)
}

/// Whether every value that `narrow` allows is one that `wide` allows; the names are the same.
fn fits(wide: Type<'_>, narrow: Type<'_>) -> bool {
    let (mut wide, mut narrow) = (wide.wrappers().peekable(), narrow.wrappers().peekable());
    loop {
        let demanded = wide.next_if_eq(&NonNull).is_some();
        let given = narrow.next_if_eq(&NonNull).is_some();
        if demanded && !given {
            return false;
        }
        match (wide.next(), narrow.next()) {
            (None, None) => return true,
            (Some(List), Some(List)) => {}
            _ => return false,
        }
    }
}
