//! What clients give: arguments of fields and of directives, and fields of input objects.

use cynic_parser::type_system::InputValueDefinition;

use super::{Class, document::Document, types::input_holds};

/// One that was not there.
pub(super) fn added(new: InputValueDefinition<'_>) -> (Class, String) {
    let ty = new.ty();
    if ty.is_non_null() && new.default_value().is_none() {
        (Class::Breaking, format!("added, and required ({ty})"))
    } else {
        (Class::Dangerous, format!("added, not required ({ty})"))
    }
}

/// Another type.
pub(super) fn retyped(old: InputValueDefinition<'_>, new: InputValueDefinition<'_>) -> (Class, String) {
    let class = if input_holds(old.ty(), new.ty()) { Class::Safe } else { Class::Breaking };
    (class, format!("type changed from {} to {}", old.ty(), new.ty()))
}

/// Another default; nothing when it is the same.
pub(super) fn another_default(
    (old, old_document): (InputValueDefinition<'_>, &Document<'_>),
    (new, new_document): (InputValueDefinition<'_>, &Document<'_>),
) -> Option<(Class, String)> {
    let text = |value: InputValueDefinition<'_>, document: &Document<'_>| {
        let span = value.default_value_span();
        document.sdl.get(span.start..span.end).unwrap_or_default().trim_start_matches(['=', ' ']).to_owned()
    };
    match (old.default_value(), new.default_value()) {
        (None, None) => None,
        (Some(before), Some(after)) if before == after => None,
        (Some(_), Some(_)) => {
            let (before, after) = (text(old, old_document), text(new, new_document));
            Some((Class::Dangerous, format!("default changed from {before} to {after}")))
        }
        // Everybody had to say it: nobody gets the default unasked.
        (None, Some(_)) if old.ty().is_non_null() => {
            Some((Class::Safe, format!("default {} added, not required any more", text(new, new_document))))
        }
        (None, Some(_)) => Some((Class::Dangerous, format!("default {} added", text(new, new_document)))),
        (Some(_), None) if new.ty().is_non_null() => {
            Some((Class::Breaking, format!("default {} removed, and required now", text(old, old_document))))
        }
        (Some(_), None) => Some((Class::Dangerous, format!("default {} removed", text(old, old_document)))),
    }
}
