//! Who is who.

mod repository;
mod service;
mod sql;

pub(crate) use service::UsersService;
