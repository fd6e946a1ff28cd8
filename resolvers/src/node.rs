//! The interface of all that has an id, and the way from a resolver to its loaders.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface};
use nova_core::NodeId;
use nova_loaders::RequestLoaders;

use crate::{
    comment::Comment,
    error::{Field, field},
    post::Post,
    user::User,
};

/// The loaders of the request.
pub(crate) fn loaders<'a>(ctx: &Context<'a>) -> &'a RequestLoaders {
    ctx.data_unchecked::<Arc<RequestLoaders>>()
}

/// An object that has an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Names the object for ever. Opaque."))]
pub(crate) enum Node {
    User(User),
    Post(Post),
    Comment(Comment),
}

impl Node {
    /// The object of `id`; unknown and deleted ones are absent.
    pub(crate) async fn load(loaders: &RequestLoaders, id: NodeId) -> Field<Self> {
        match id {
            NodeId::User(id) => Some(User::load_living(loaders, id).await?.map(Self::User)),
            NodeId::Post(id) => field(loaders.post(id).await, |post| Self::Post(Post(post))),
            NodeId::Comment(id) => field(loaders.comment(id).await, |comment| Self::Comment(Comment(comment))),
        }
    }
}
