//! Posts and their comments. What is deleted, or written by somebody deleted, is not there.

mod repository;
mod service;
mod sql;
mod write;

pub(crate) use service::ContentService;
