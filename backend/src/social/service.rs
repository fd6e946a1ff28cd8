//! The social service: decodes keys and inputs, asks the repository, encodes answers.

use std::sync::Arc;

use nova_core::token::TokenVerifier;
use nova_proto::{Answer, IntoAnswer as _, IntoWritten as _, id_bytes, to_micros, v1};
use tonic::{Request, Response, Status};

use super::{
    repository::{self, Edge},
    sql,
    write::{self, Change, EdgeKind},
};
use crate::{
    auth,
    call::Call,
    count,
    ids::{Ids, decode_id},
    list::{List, Page},
    page_keys::PageKeys,
    store::Store,
};

#[derive(Debug, Clone)]
pub(crate) struct SocialService {
    store: Store,
    verifier: Arc<TokenVerifier>,
}

impl SocialService {
    pub(crate) fn new(store: Store, verifier: Arc<TokenVerifier>) -> Self {
        Self { store, verifier }
    }

    async fn viewer_edges(
        &self,
        request: Request<v1::BatchByViewerRequest>,
        operation: &'static str,
        sql: &'static str,
    ) -> Result<Response<v1::BatchBoolResponse>, Status> {
        let call = Call::of(&request);
        let viewer = auth::viewer(request.metadata(), &self.verifier).await?;
        let asked = request.get_ref();
        let ids = Ids::of_viewer(&asked.ids, &asked.viewer_id, viewer.as_ref())?;
        let viewer = viewer.map(|viewer| viewer.user_id.0);
        let found = repository::viewer_edges(&self.store, &call, operation, sql, ids.wanted(), viewer).await?;
        Ok(call.answer(v1::BatchBoolResponse { results: ids.answers(&found) }))
    }

    async fn change_edge(
        &self,
        request: Request<v1::EdgeRequest>,
        kind: EdgeKind,
        change: Change,
    ) -> Result<Response<v1::EdgeResult>, Status> {
        let call = Call::of(&request);
        let user = auth::writer(request.metadata(), &self.verifier).await?;
        let to = decode_id(&request.get_ref().id)?;
        if matches!((kind, change), (EdgeKind::Follow, Change::Add)) && to == user.0 {
            return Err(Status::invalid_argument("nobody follows themselves"));
        }
        let written = write::edge(&self.store, &call, kind, change, user, to).await;
        Ok(call.answer(v1::EdgeResult::from_written(written.map(|changed| v1::EdgeWritten { changed }))))
    }

    async fn edge_pages(
        &self,
        request: Request<v1::BatchPageRequest>,
        list: &List,
    ) -> Result<Response<v1::BatchEdgePageResponse>, Status> {
        let call = Call::of(&request);
        let keys = PageKeys::decode(&request.get_ref().keys)?;
        let pages = list.pages::<Edge>(&self.store, &call, &keys).await?;
        let answer = |page: Answer<Page<Edge>>| v1::EdgePageResult::from_answer(page.map(|page| page.map(encode)));
        Ok(call.answer(v1::BatchEdgePageResponse { results: pages.into_iter().map(answer).collect() }))
    }
}

#[tonic::async_trait]
impl v1::social_server::Social for SocialService {
    async fn batch_count_likes(
        &self,
        request: Request<v1::BatchByIdRequest>,
    ) -> Result<Response<v1::BatchCountResponse>, Status> {
        let call = Call::of(&request);
        let ids = Ids::decode(&request.get_ref().ids)?;
        let found = count::counts(&self.store, &call, "count_likes", sql::COUNT_LIKES, ids.wanted()).await?;
        Ok(call.answer(v1::BatchCountResponse { results: ids.answers(&found) }))
    }

    async fn batch_count_follows(
        &self,
        request: Request<v1::BatchByIdRequest>,
    ) -> Result<Response<v1::BatchFollowCountsResponse>, Status> {
        let call = Call::of(&request);
        let ids = Ids::decode(&request.get_ref().ids)?;
        let found = repository::count_follows(&self.store, &call, ids.wanted()).await?;
        let found = found
            .into_iter()
            .map(|(id, (followers, following))| (id, v1::FollowCounts { followers, following }))
            .collect();
        Ok(call.answer(v1::BatchFollowCountsResponse { results: ids.answers(&found) }))
    }

    async fn batch_viewer_likes(
        &self,
        request: Request<v1::BatchByViewerRequest>,
    ) -> Result<Response<v1::BatchBoolResponse>, Status> {
        self.viewer_edges(request, "viewer_likes", sql::VIEWER_LIKES).await
    }

    async fn batch_viewer_follows(
        &self,
        request: Request<v1::BatchByViewerRequest>,
    ) -> Result<Response<v1::BatchBoolResponse>, Status> {
        self.viewer_edges(request, "viewer_follows", sql::VIEWER_FOLLOWS).await
    }

    async fn batch_list_followers(
        &self,
        request: Request<v1::BatchPageRequest>,
    ) -> Result<Response<v1::BatchEdgePageResponse>, Status> {
        self.edge_pages(request, &sql::FOLLOWERS).await
    }

    async fn batch_list_following(
        &self,
        request: Request<v1::BatchPageRequest>,
    ) -> Result<Response<v1::BatchEdgePageResponse>, Status> {
        self.edge_pages(request, &sql::FOLLOWING).await
    }

    async fn batch_list_likers(
        &self,
        request: Request<v1::BatchPageRequest>,
    ) -> Result<Response<v1::BatchEdgePageResponse>, Status> {
        self.edge_pages(request, &sql::LIKERS).await
    }

    async fn like_post(&self, request: Request<v1::EdgeRequest>) -> Result<Response<v1::EdgeResult>, Status> {
        self.change_edge(request, EdgeKind::Like, Change::Add).await
    }

    async fn unlike_post(&self, request: Request<v1::EdgeRequest>) -> Result<Response<v1::EdgeResult>, Status> {
        self.change_edge(request, EdgeKind::Like, Change::Remove).await
    }

    async fn follow_user(&self, request: Request<v1::EdgeRequest>) -> Result<Response<v1::EdgeResult>, Status> {
        self.change_edge(request, EdgeKind::Follow, Change::Add).await
    }

    async fn unfollow_user(&self, request: Request<v1::EdgeRequest>) -> Result<Response<v1::EdgeResult>, Status> {
        self.change_edge(request, EdgeKind::Follow, Change::Remove).await
    }
}

fn encode(page: Page<Edge>) -> v1::EdgePage {
    let edge = |edge: Edge| v1::Edge { id: id_bytes(edge.id), created_at_micros: to_micros(edge.created_at) };
    v1::EdgePage { edges: page.rows.into_iter().map(edge).collect(), has_more: page.has_more }
}
