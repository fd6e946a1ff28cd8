//! Who is who.

mod repository;
mod service;
mod sql;
mod write;

pub(crate) use service::UsersService;
