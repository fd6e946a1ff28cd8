//! Flags for the operator: what the catalogue says, brought to Unleash's admin API and compared with what is there. The
//! gateway never comes here: it reads Unleash's client API, by way of the room `flags`.

mod admin;
mod diff;
mod doc;
mod file;
mod lint;
mod list;
mod model;
mod restore;
mod setting;
mod settings;
mod snapshot;
mod sync;

pub(crate) use admin::{Admin, AdminError};
pub(crate) use diff::diff;
pub(crate) use doc::page;
pub(crate) use file::FlagsFile;
pub(crate) use lint::lint_checkout;
pub(crate) use list::list;
pub(crate) use restore::restore;
pub(crate) use settings::UnleashArgs;
pub(crate) use snapshot::snapshot;
pub(crate) use sync::sync;
