//! Finds what differs and judges it.

use graphql_schema_diff::{
    ChangeKind, diff_asts,
    path::{Path, PathInArgument, PathInField, PathInType},
};

use super::{
    Change, Class, SchemaError, directives,
    document::{Document, parse},
    types::output_holds,
    values,
};

/// All differences, the worst first, then by path.
pub(super) fn changes(old: &str, new: &str) -> Result<Vec<Change>, SchemaError> {
    let (parsed_old, parsed_new) = (parse(old)?, parse(new)?);
    let (old, new) = (Document::new(old, &parsed_old)?, Document::new(new, &parsed_new)?);

    let mut changes = Vec::new();
    roots(&old, &new, &mut changes);
    for change in diff_asts(Some(&parsed_old), Some(&parsed_new)) {
        let Ok(path) = Path::parse(&change.path) else { continue };
        if let Some((class, text)) = judge(change.kind, &path, &old, &new) {
            changes.push(Change::new(class, shown(&path, change.kind), text));
        }
    }
    for (name, before) in old.inputs() {
        let Some(after) = new.input(name, before.name()) else { continue };
        if let Some((class, text)) = values::another_default((before, &old), (after, &new)) {
            changes.push(Change::new(class, format!("{name}.{}", before.name()), text));
        }
    }
    directives::definitions(&old, &new, &mut changes);
    changes.sort_by(|one, other| (other.class, &one.path, &one.change).cmp(&(one.class, &other.path, &other.change)));
    Ok(changes)
}

/// Whether an operation still has somewhere to begin. A name of its own is no promise, but fragments on it are used.
fn roots(old: &Document<'_>, new: &Document<'_>, changes: &mut Vec<Change>) {
    for (operation, (before, after)) in
        ["query", "mutation", "subscription"].iter().zip(old.roots.iter().zip(new.roots))
    {
        let (class, text) = match (before, after) {
            (Some(before), Some(after)) if *before != after => {
                (Class::Breaking, format!("type changed from {before} to {after}"))
            }
            (Some(before), None) => (Class::Breaking, format!("removed ({before})")),
            (None, Some(after)) => (Class::Safe, format!("added ({after})")),
            _ => continue,
        };
        changes.push(Change::new(class, format!("schema.{operation}"), text));
    }
}

/// What a change does; nothing where it is judged elsewhere.
fn judge(kind: ChangeKind, path: &Path<'_>, old: &Document<'_>, new: &Document<'_>) -> Option<(Class, String)> {
    use ChangeKind as Kind;
    let told = |class, text: &str| Some((class, text.to_owned()));
    match kind {
        // Of interest is only which types they name: see `roots`.
        Kind::ChangeQueryType
        | Kind::ChangeMutationType
        | Kind::ChangeSubscriptionType
        | Kind::AddSchemaDefinition
        | Kind::RemoveSchemaDefinition
        | Kind::AddSchemaExtension
        | Kind::RemoveSchemaExtension => None,
        Kind::AddObjectType
        | Kind::AddUnion
        | Kind::AddEnum
        | Kind::AddScalar
        | Kind::AddInterface
        | Kind::AddInputObject
        | Kind::AddDirectiveDefinition => told(Class::Safe, "added"),
        Kind::RemoveObjectType
        | Kind::RemoveUnion
        | Kind::RemoveEnum
        | Kind::RemoveScalar
        | Kind::RemoveInterface
        | Kind::RemoveInputObject
        | Kind::RemoveDirectiveDefinition
        | Kind::RemoveField
        | Kind::RemoveFieldArgument
        | Kind::RemoveUnionMember
        | Kind::RemoveEnumValue => told(Class::Breaking, "removed"),
        Kind::RemoveInterfaceImplementation => told(Class::Breaking, "interface removed"),
        Kind::AddInterfaceImplementation => told(Class::Dangerous, "interface added"),
        // A client may have no branch for it.
        Kind::AddUnionMember | Kind::AddEnumValue => told(Class::Dangerous, "added"),
        Kind::ChangeDescription => told(Class::Safe, "description changed"),
        Kind::AddDirective | Kind::RemoveDirective => {
            directive(path).map(|name| directives::usage(name, kind == Kind::AddDirective))
        }
        Kind::AddField => match named(path) {
            Some((definition, field, None)) => match new.input(definition, field) {
                Some(input) => Some(values::added(input)),
                None => told(Class::Safe, "added"),
            },
            _ => None,
        },
        Kind::ChangeFieldType => {
            let (definition, field, _) = named(path)?;
            if let (Some(before), Some(after)) = (old.input(definition, field), new.input(definition, field)) {
                return Some(values::retyped(before, after));
            }
            let (before, after) = (old.field(definition, field)?.ty(), new.field(definition, field)?.ty());
            let class = if output_holds(before, after) { Class::Safe } else { Class::Breaking };
            Some((class, format!("type changed from {before} to {after}")))
        }
        Kind::AddFieldArgument
        | Kind::ChangeFieldArgumentType
        | Kind::AddFieldArgumentDefault
        | Kind::RemoveFieldArgumentDefault
        | Kind::ChangeFieldArgumentDefault => {
            let (definition, field, Some(argument)) = named(path)? else { return None };
            let after = new.argument(definition, field, argument)?;
            match (kind, old.argument(definition, field, argument)) {
                (_, None) => Some(values::added(after)),
                (Kind::ChangeFieldArgumentType, Some(before)) => Some(values::retyped(before, after)),
                (_, Some(before)) => values::another_default((before, old), (after, new)),
            }
        }
    }
}

/// Type, field and argument.
fn named<'a>(path: &Path<'a>) -> Option<(&'a str, &'a str, Option<&'a str>)> {
    let Path::TypeDefinition(definition, Some(PathInType::InField(field, within))) = path else { return None };
    match within {
        None => Some((definition, field, None)),
        Some(PathInField::InArgument(argument, _)) => Some((definition, field, Some(argument))),
        Some(PathInField::InDirective(..)) => None,
    }
}

/// The directive at the end of a path.
fn directive<'a>(path: &Path<'a>) -> Option<&'a str> {
    let Path::TypeDefinition(_, Some(within)) = path else { return None };
    match within {
        PathInType::InDirective(name, _)
        | PathInType::InField(
            _,
            Some(
                PathInField::InDirective(name, _)
                | PathInField::InArgument(_, Some(PathInArgument::InDirective(name, _))),
            ),
        ) => Some(name),
        _ => None,
    }
}

/// A path as people write it.
fn shown(path: &Path<'_>, kind: ChangeKind) -> String {
    let Path::TypeDefinition(definition, within) = path else {
        return match path {
            Path::DirectiveDefinition(name) => format!("@{name}"),
            _ => "schema".to_owned(),
        };
    };
    match within {
        None if matches!(kind, ChangeKind::AddDirectiveDefinition | ChangeKind::RemoveDirectiveDefinition) => {
            format!("@{definition}")
        }
        None | Some(PathInType::InDirective(..)) => (*definition).to_owned(),
        Some(PathInType::InterfaceImplementation(interface)) => format!("{definition} implements {interface}"),
        Some(PathInType::InField(field, Some(PathInField::InArgument(argument, _)))) => {
            format!("{definition}.{field}({argument})")
        }
        Some(PathInType::InField(field, _)) => format!("{definition}.{field}"),
    }
}
