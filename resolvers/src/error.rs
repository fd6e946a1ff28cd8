//! Field errors: a code, a message of ours, never the text of an upstream.

use std::{future::Future, panic::AssertUnwindSafe};

use async_graphql::{Context, Error, ErrorExtensions as _};
use futures_util::FutureExt as _;
use nova_core::ErrorCode;
use nova_loaders::{Answer, LoadError, RequestLoaders};

use crate::node::loaders;

/// A field that may fail on its own: null and an error entry, and its siblings are not touched.
///
/// The failure stands *inside* the option: the executor turns a failed `Result<Option<T>>` into its parent's failure.
pub(crate) type Field<T> = Option<Result<T, Error>>;

/// The error of `code`.
pub(crate) fn error(code: ErrorCode) -> Error {
    Error::new(code.message()).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// `BAD_USER_INPUT`, with the argument that is to blame.
pub(crate) fn bad_input(argument: &'static str, problem: &str) -> Error {
    Error::new(format!("{argument}: {problem}")).extend_with(|_, extensions| {
        extensions.set("code", ErrorCode::BadUserInput.as_str());
        extensions.set("argument", argument);
    })
}

/// An answer as a field: absent is null.
pub(crate) fn field<V, T>(answer: Answer<V>, value: impl FnOnce(V) -> T) -> Field<T> {
    match answer {
        Ok(found) => found.map(|found| Ok(value(found))),
        Err(LoadError { code }) => Some(Err(error(code))),
    }
}

/// Asks the loaders of the request, and makes a field of their answer.
pub(crate) async fn fetch<'a, V, T, L>(
    ctx: &Context<'a>,
    load: impl FnOnce(&'a RequestLoaders) -> L,
    value: impl FnOnce(V) -> T,
) -> Field<T>
where
    L: Future<Output = Answer<V>>,
{
    caught(async { field(load(loaders(ctx)).await, value) }).await
}

/// A field whose panic is INTERNAL for itself, and does not touch its siblings.
pub(crate) async fn caught<T>(resolve: impl Future<Output = Field<T>>) -> Field<T> {
    match AssertUnwindSafe(resolve).catch_unwind().await {
        Ok(field) => field,
        // The panic's own message is in the log: the hook of the process wrote it.
        Err(_) => Some(Err(error(ErrorCode::Internal))),
    }
}

/// A count as GraphQL's 32-bit `Int`; what is larger is shown as the largest.
pub(crate) fn count(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
