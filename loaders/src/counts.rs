//! Counters: likes and comments of posts, posts and follows of users.

use nova_core::{PostId, UserId};
use nova_proto::{IntoAnswer, id_bytes, v1};
use tonic::{Request, Response, Status};

use crate::{
    batching::Answer,
    remote::{Rpc, read},
    upstream::Line,
};

macro_rules! counts {
    ($($(#[doc = $doc:literal])+ $name:ident($key:ty) = $rpc:literal, $client:ident.$method:ident;)*) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl Rpc for $name {
            const NAME: &'static str = $rpc;
            type Key = $key;
            type Value = u64;
            type Request = v1::BatchByIdRequest;
            type Response = v1::BatchCountResponse;

            fn request(keys: &[$key]) -> Self::Request {
                v1::BatchByIdRequest { ids: keys.iter().map(|id| id_bytes(id.0)).collect() }
            }

            async fn send(
                line: Line,
                request: Request<Self::Request>,
            ) -> Result<Response<Self::Response>, Status> {
                line.$client().$method(request).await
            }

            fn answers(response: Self::Response) -> Vec<Answer<u64>> {
                read(response.results.into_iter().map(IntoAnswer::into_answer), |count| u64::try_from(count).ok())
            }
        }
    )*};
}

counts! {
    /// Likes by post.
    LikeCount(PostId) = "Social/BatchCountLikes", social.batch_count_likes;
    /// Comments by post.
    CommentCount(PostId) = "Content/BatchCountComments", content.batch_count_comments;
    /// Posts by author.
    PostCount(UserId) = "Content/BatchCountPosts", content.batch_count_posts;
}

/// How many follow a user, and how many the user follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowCounts {
    /// People who follow the user.
    pub followers: u64,
    /// People whom the user follows.
    pub following: u64,
}

/// Both counts of follows by user: two fields, one call.
pub(crate) struct FollowCountsById;

impl Rpc for FollowCountsById {
    const NAME: &'static str = "Social/BatchCountFollows";
    type Key = UserId;
    type Value = FollowCounts;
    type Request = v1::BatchByIdRequest;
    type Response = v1::BatchFollowCountsResponse;

    fn request(keys: &[UserId]) -> Self::Request {
        v1::BatchByIdRequest { ids: keys.iter().map(|id| id_bytes(id.0)).collect() }
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.social().batch_count_follows(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<FollowCounts>> {
        read(response.results.into_iter().map(IntoAnswer::into_answer), |counts| {
            Some(FollowCounts {
                followers: counts.followers.try_into().ok()?,
                following: counts.following.try_into().ok()?,
            })
        })
    }
}
