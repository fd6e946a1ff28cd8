//! Directives: what clients may write in operations, and what the contract says of its own parts.

use cynic_parser::type_system::DirectiveDefinition;

use super::{
    Change, Class,
    document::Document,
    values::{added, another_default, retyped},
};

/// What a directive on a part of the contract says about it when it comes or goes.
pub(super) fn usage(name: &str, comes: bool) -> (Class, String) {
    match (name, comes) {
        ("deprecated", true) => (Class::Safe, "deprecated".to_owned()),
        ("deprecated", false) => (Class::Safe, "no longer deprecated, or for another reason".to_owned()),
        // Exactly one field, where several were allowed.
        ("oneOf", true) => (Class::Breaking, "@oneOf added".to_owned()),
        (_, true) => (Class::Dangerous, format!("@{name} added")),
        (_, false) => (Class::Dangerous, format!("@{name} removed")),
    }
}

/// How the definitions that both contracts have differ.
pub(super) fn definitions(old: &Document<'_>, new: &Document<'_>, changes: &mut Vec<Change>) {
    for (name, before) in &old.directives {
        if let Some(after) = new.directives.get(name) {
            definition((*before, old), (*after, new), changes);
        }
    }
}

fn definition(
    (old, old_document): (DirectiveDefinition<'_>, &Document<'_>),
    (new, new_document): (DirectiveDefinition<'_>, &Document<'_>),
    changes: &mut Vec<Change>,
) {
    let name = old.name();
    let path = format!("@{name}");
    for before in old.arguments() {
        let path = format!("@{name}({})", before.name());
        let Some(after) = new.arguments().find(|after| after.name() == before.name()) else {
            changes.push(Change::new(Class::Breaking, path, "removed"));
            continue;
        };
        if before.ty() != after.ty() {
            let (class, text) = retyped(before, after);
            changes.push(Change::new(class, &path, text));
        }
        if let Some((class, text)) = another_default((before, old_document), (after, new_document)) {
            changes.push(Change::new(class, path, text));
        }
    }
    for after in new.arguments() {
        if old.arguments().all(|before| before.name() != after.name()) {
            let (class, text) = added(after);
            changes.push(Change::new(class, format!("@{name}({})", after.name()), text));
        }
    }
    let (before, after): (Vec<_>, Vec<_>) = (old.locations().collect(), new.locations().collect());
    for gone in before.iter().filter(|location| !after.contains(location)) {
        changes.push(Change::new(Class::Breaking, &path, format!("not on {} any more", gone.as_str())));
    }
    for come in after.iter().filter(|location| !before.contains(location)) {
        changes.push(Change::new(Class::Safe, &path, format!("on {}, too", come.as_str())));
    }
    match (old.is_repeatable(), new.is_repeatable()) {
        (true, false) => changes.push(Change::new(Class::Breaking, path, "not repeatable any more")),
        (false, true) => changes.push(Change::new(Class::Safe, path, "repeatable")),
        _ => {}
    }
}
