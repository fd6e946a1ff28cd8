//! The interface of all that has an id, and the way from a resolver to its loaders.

use std::sync::Arc;

use async_graphql::{Context, Error, ID, Interface};
use nova_core::{CommentId, ErrorCode, NodeId, PostId, UserId};
use nova_loaders::RequestLoaders;

use crate::{
    comment::Comment,
    error::{Field, error},
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
    pub(crate) async fn load(ctx: &Context<'_>, id: &ID) -> Field<Self> {
        match node_id(id) {
            Ok(NodeId::User(id)) => Some(User::load_living(ctx, id).await?.map(Self::User)),
            Ok(NodeId::Post(id)) => Some(Post::load(ctx, id).await?.map(Self::Post)),
            Ok(NodeId::Comment(id)) => Some(Comment::load(ctx, id).await?.map(Self::Comment)),
            Err(error) => Some(Err(error)),
        }
    }
}

fn node_id(id: &ID) -> Result<NodeId, Error> {
    NodeId::from_global(id).map_err(|_| error(ErrorCode::InvalidId))
}

/// The post that `id` names.
pub(crate) fn post_id(id: &ID) -> Result<PostId, Error> {
    match node_id(id)? {
        NodeId::Post(id) => Ok(id),
        _ => Err(error(ErrorCode::InvalidId)),
    }
}

/// The user that `id` names.
pub(crate) fn user_id(id: &ID) -> Result<UserId, Error> {
    match node_id(id)? {
        NodeId::User(id) => Ok(id),
        _ => Err(error(ErrorCode::InvalidId)),
    }
}

/// The comment that `id` names.
pub(crate) fn comment_id(id: &ID) -> Result<CommentId, Error> {
    match node_id(id)? {
        NodeId::Comment(id) => Ok(id),
        _ => Err(error(ErrorCode::InvalidId)),
    }
}
