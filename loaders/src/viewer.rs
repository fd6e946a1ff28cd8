//! What depends on who asks. Each key names the viewer, so that no answer can reach another.

use nova_core::{PostId, UserId};
use nova_proto::{IntoAnswer, id_bytes, v1};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    batching::Answer,
    remote::{Rpc, read},
    upstream::Line,
};

/// All keys of a batch come from one request, and so have one viewer.
fn request<T: Copy + Into<Uuid>>(keys: &[(UserId, T)]) -> v1::BatchByViewerRequest {
    v1::BatchByViewerRequest {
        viewer_id: keys.first().map(|(viewer, _)| id_bytes(viewer.0)).unwrap_or_default(),
        ids: keys.iter().map(|(_, id)| id_bytes((*id).into())).collect(),
    }
}

macro_rules! viewer_edges {
    ($($(#[doc = $doc:literal])+ $name:ident($key:ty) = $rpc:literal, $method:ident;)*) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl Rpc for $name {
            const NAME: &'static str = $rpc;
            const IDENTIFIED: bool = true;
            type Key = (UserId, $key);
            type Value = bool;
            type Request = v1::BatchByViewerRequest;
            type Response = v1::BatchBoolResponse;

            fn request(keys: &[Self::Key]) -> Self::Request {
                request(keys)
            }

            async fn send(
                line: Line,
                request: Request<Self::Request>,
            ) -> Result<Response<Self::Response>, Status> {
                line.social().$method(request).await
            }

            fn answers(response: Self::Response) -> Vec<Answer<bool>> {
                read(response.results.into_iter().map(IntoAnswer::into_answer), Some)
            }
        }
    )*};
}

viewer_edges! {
    /// Whether the viewer likes a post.
    ViewerLikes(PostId) = "Social/BatchViewerLikes", batch_viewer_likes;
    /// Whether the viewer follows a user.
    ViewerFollows(UserId) = "Social/BatchViewerFollows", batch_viewer_follows;
}
