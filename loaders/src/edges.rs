//! Lists whose nodes another service has: followers, followees, likers.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nova_core::{PageSpec, PostId, UserId};
use nova_proto::{IntoAnswer, from_micros, id_from_bytes, v1};
use tonic::{Request, Response, Status};

use crate::{
    batching::Answer,
    page::{Page, page_request},
    remote::{Rpc, read},
    upstream::Line,
};

/// A user at the other end of a follow or a like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Who is there.
    pub user_id: UserId,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// A page of edges; the page is shared, not copied.
pub(crate) type EdgePage = Arc<Page<Edge>>;

fn page(wire: v1::EdgePage) -> Option<EdgePage> {
    let edge = |edge: v1::Edge| {
        Some(Edge { user_id: UserId(id_from_bytes(&edge.id)?), created_at: from_micros(edge.created_at_micros)? })
    };
    Some(Arc::new(Page { items: wire.edges.into_iter().map(edge).collect::<Option<_>>()?, has_more: wire.has_more }))
}

macro_rules! edge_lists {
    ($($(#[doc = $doc:literal])+ $name:ident($key:ty) = $rpc:literal, $method:ident;)*) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl Rpc for $name {
            const NAME: &'static str = $rpc;
            type Key = ($key, PageSpec);
            type Value = EdgePage;
            type Request = v1::BatchPageRequest;
            type Response = v1::BatchEdgePageResponse;

            fn request(keys: &[Self::Key]) -> Self::Request {
                page_request(keys.iter().map(|(parent, spec)| (parent.0, *spec)))
            }

            async fn send(
                line: Line,
                request: Request<Self::Request>,
            ) -> Result<Response<Self::Response>, Status> {
                line.social().$method(request).await
            }

            fn answers(response: Self::Response) -> Vec<Answer<EdgePage>> {
                read(response.results.into_iter().map(IntoAnswer::into_answer), page)
            }
        }
    )*};
}

edge_lists! {
    /// Who follows each user, newest follow first.
    Followers(UserId) = "Social/BatchListFollowers", batch_list_followers;
    /// Whom each user follows, newest follow first.
    Following(UserId) = "Social/BatchListFollowing", batch_list_following;
    /// Who likes each post, newest like first.
    Likers(PostId) = "Social/BatchListLikers", batch_list_likers;
}
