//! The loaders of the process, and those of one request.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use nova_core::{CommentId, Deadline, PageSpec, PostId, UserId, Viewer};
use nova_flags::Policy;
use prometheus_client::registry::Registry;

use crate::{
    Comment, Edge, FollowCounts, Page, Post, User,
    batching::{Answer, Caller, Drive, Flights, Queue, Queues, Scope},
    comment::{CommentById, CommentsByPost},
    config::Config,
    counts::{CommentCount, FollowCountsById, LikeCount, PostCount},
    edges::{Followers, Following, Likers},
    metrics::{Metrics, RpcMetrics},
    post::{Feed, PostById, PostsByAuthor},
    remote::Remote,
    trace::{CallCount, CallTrace, Trace},
    upstream::Upstreams,
    user::{UserById, UserByUsername},
    viewer::{ViewerFollows, ViewerLikes},
};

/// Declares each source once: its flights in the process, and its queue in a request, made when it is first asked.
macro_rules! sources {
    ($($name:ident: $rpc:ident,)*) => {
        struct Process {
            upstreams: Upstreams,
            metrics: Metrics,
            $($name: Arc<Flights<Remote<$rpc>>>,)*
        }

        impl Process {
            fn new(upstreams: Upstreams, config: &Config, metrics: Metrics) -> Self {
                Self {
                    $($name: Flights::new(Remote::new(
                        upstreams.of(<$rpc as crate::remote::Rpc>::SERVICE).clone(),
                        config.max_batch.into(),
                        config.upstream_timeout(),
                        metrics.of(<$rpc as crate::remote::Rpc>::NAME),
                    )),)*
                    upstreams,
                    metrics,
                }
            }
        }

        #[derive(Default)]
        struct Memo {
            $($name: OnceLock<Arc<Queue<Remote<$rpc>>>>,)*
        }

        impl RequestLoaders {
            $(fn $name(&self) -> &Queue<Remote<$rpc>> {
                self.memo.$name.get_or_init(|| {
                    let queue = Queue::new(&self.process.$name, &self.scope, self.caller.clone());
                    if self.has_written.load(Relaxed) {
                        queue.renew();
                    }
                    queue
                })
            })*

            fn each_queue(&self, visit: &impl VisitQueue) {
                $(if let Some(queue) = self.memo.$name.get() {
                    visit.visit(queue);
                })*
            }
        }
    };
}

sources! {
    user_by_id: UserById,
    user_by_username: UserByUsername,
    post_by_id: PostById,
    posts_by_author: PostsByAuthor,
    feed_pages: Feed,
    comment_by_id: CommentById,
    comments_by_post: CommentsByPost,
    like_counts: LikeCount,
    comment_counts: CommentCount,
    post_counts: PostCount,
    follow_counts_by_id: FollowCountsById,
    viewer_like_edges: ViewerLikes,
    viewer_follow_edges: ViewerFollows,
    follower_pages: Followers,
    following_pages: Following,
    liker_pages: Likers,
}

/// What is done with every queue of a request.
trait VisitQueue {
    fn visit<S: crate::batching::Source>(&self, queue: &Queue<S>);
}

struct Flush;
struct Expire;
struct Renew;

impl VisitQueue for Flush {
    fn visit<S: crate::batching::Source>(&self, queue: &Queue<S>) {
        queue.flush();
    }
}

impl VisitQueue for Renew {
    fn visit<S: crate::batching::Source>(&self, queue: &Queue<S>) {
        queue.renew();
    }
}

impl VisitQueue for Expire {
    fn visit<S: crate::batching::Source>(&self, queue: &Queue<S>) {
        queue.expire();
    }
}

/// The loaders of the process: channels, fetches under way, metrics. Cheap to clone.
#[derive(Clone)]
pub struct Loaders(Arc<Process>);

impl fmt::Debug for Loaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loaders(..)")
    }
}

impl Loaders {
    /// Loaders that ask `upstreams` and count in `registry`.
    pub fn new(upstreams: Upstreams, config: &Config, registry: &mut Registry) -> Self {
        Self(Arc::new(Process::new(upstreams, config, Metrics::register(registry))))
    }

    /// What was asked of each upstream since the process began.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<&'static str, CallCount> {
        self.0.metrics.totals()
    }

    /// The loaders of one request of `viewer` under `policy`, which must have its answer by `deadline`.
    #[must_use]
    pub fn request(&self, viewer: Option<Viewer>, policy: Arc<Policy>, deadline: Deadline) -> Arc<RequestLoaders> {
        let credential = viewer.as_ref().map(|viewer| viewer.credential.clone());
        Arc::new(RequestLoaders {
            process: Arc::clone(&self.0),
            scope: Arc::default(),
            caller: Caller { credential, trace: Arc::new(Trace::default()), policy, deadline },
            viewer,
            memo: Memo::default(),
            has_written: AtomicBool::new(false),
        })
    }
}

/// The loaders of one request. Every value is fetched at most once, at the next stall of [`RequestLoaders::drive`].
pub struct RequestLoaders {
    process: Arc<Process>,
    scope: Arc<Scope>,
    caller: Caller,
    viewer: Option<Viewer>,
    memo: Memo,
    /// A queue that is made from now on joins nothing that began before.
    has_written: AtomicBool,
}

impl fmt::Debug for RequestLoaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLoaders").field("viewer", &self.viewer).finish_non_exhaustive()
    }
}

impl RequestLoaders {
    /// On whose behalf the request runs; `None` is anonymous.
    #[must_use]
    pub fn viewer(&self) -> Option<&Viewer> {
        self.viewer.as_ref()
    }

    /// What the request has asked of its upstreams so far.
    #[must_use]
    pub fn trace(&self) -> CallTrace {
        self.caller.trace.read()
    }

    /// How long the request waited for its upstreams; time in which it waited for several counts once.
    #[must_use]
    pub fn upstream_time(&self) -> Duration {
        self.scope.waited()
    }

    /// Runs `future`, in which the loads of this request are awaited, and answers them stall by stall. At the deadline
    /// the loads fail with TIMEOUT, and the future is left to finish with what it has.
    pub fn drive<F: Future>(self: &Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        Drive::run(future, Held(Arc::clone(self)), Arc::clone(&self.scope), self.deadline())
    }

    /// The user of `id`; a deleted one is a tombstone.
    pub fn user(&self, id: UserId) -> impl Future<Output = Answer<Arc<User>>> + use<> {
        self.user_by_id().load(id)
    }

    /// The user of this name, in any case.
    pub fn user_named(&self, username: &str) -> impl Future<Output = Answer<Arc<User>>> + use<> {
        // ASCII letters fold and no others, as in the store.
        self.user_by_username().load(username.to_ascii_lowercase())
    }

    /// The post of `id`.
    pub fn post(&self, id: PostId) -> impl Future<Output = Answer<Arc<Post>>> + use<> {
        self.post_by_id().load(id)
    }

    /// A page of the posts of `author`, newest first.
    pub fn posts_of(
        &self,
        author: UserId,
        page: PageSpec,
    ) -> impl Future<Output = Answer<Arc<Page<Arc<Post>>>>> + use<> {
        self.posts_by_author().load((author, page))
    }

    /// A page of the feed of `viewer`, newest first.
    pub fn feed(&self, viewer: UserId, page: PageSpec) -> impl Future<Output = Answer<Arc<Page<Arc<Post>>>>> + use<> {
        self.feed_pages().load((viewer, page))
    }

    /// The comment of `id`.
    pub fn comment(&self, id: CommentId) -> impl Future<Output = Answer<Arc<Comment>>> + use<> {
        self.comment_by_id().load(id)
    }

    /// A page of the comments on `post`, oldest first.
    pub fn comments_on(
        &self,
        post: PostId,
        page: PageSpec,
    ) -> impl Future<Output = Answer<Arc<Page<Arc<Comment>>>>> + use<> {
        self.comments_by_post().load((post, page))
    }

    /// How many like `post`.
    pub fn like_count(&self, post: PostId) -> impl Future<Output = Answer<u64>> + use<> {
        self.like_counts().load(post)
    }

    /// How many comments `post` has.
    pub fn comment_count(&self, post: PostId) -> impl Future<Output = Answer<u64>> + use<> {
        self.comment_counts().load(post)
    }

    /// How many posts `author` has.
    pub fn post_count(&self, author: UserId) -> impl Future<Output = Answer<u64>> + use<> {
        self.post_counts().load(author)
    }

    /// How many follow `user`, and how many `user` follows.
    pub fn follow_counts(&self, user: UserId) -> impl Future<Output = Answer<FollowCounts>> + use<> {
        self.follow_counts_by_id().load(user)
    }

    /// Whether `viewer` likes `post`.
    pub fn viewer_likes(&self, viewer: UserId, post: PostId) -> impl Future<Output = Answer<bool>> + use<> {
        self.viewer_like_edges().load((viewer, post))
    }

    /// Whether `viewer` follows `user`.
    pub fn viewer_follows(&self, viewer: UserId, user: UserId) -> impl Future<Output = Answer<bool>> + use<> {
        self.viewer_follow_edges().load((viewer, user))
    }

    /// A page of who follows `user`, newest follow first.
    pub fn followers_of(&self, user: UserId, page: PageSpec) -> impl Future<Output = Answer<Arc<Page<Edge>>>> + use<> {
        self.follower_pages().load((user, page))
    }

    /// A page of whom `user` follows, newest follow first.
    pub fn followed_by(&self, user: UserId, page: PageSpec) -> impl Future<Output = Answer<Arc<Page<Edge>>>> + use<> {
        self.following_pages().load((user, page))
    }

    /// A page of who likes `post`, newest like first.
    pub fn likers_of(&self, post: PostId, page: PageSpec) -> impl Future<Output = Answer<Arc<Page<Edge>>>> + use<> {
        self.liker_pages().load((post, page))
    }

    /// Notes posts that came with a page, so that nobody asks for them again.
    pub fn prime_posts(&self, posts: &[Arc<Post>]) {
        for post in posts {
            self.post_by_id().prime(post.id, Arc::clone(post));
        }
    }

    pub(crate) fn prime_comment(&self, comment: &Arc<Comment>) {
        self.comment_by_id().prime(comment.id, Arc::clone(comment));
    }

    pub(crate) fn prime_user(&self, user: &Arc<User>) {
        self.user_by_id().prime(user.id, Arc::clone(user));
    }

    /// Forgets what was read.
    pub(crate) fn renew(&self) {
        self.has_written.store(true, Relaxed);
        self.each_queue(&Renew);
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.caller.deadline
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) fn upstreams(&self) -> &Upstreams {
        &self.process.upstreams
    }

    pub(crate) fn metrics_of(&self, rpc: &'static str) -> RpcMetrics {
        self.process.metrics.of(rpc)
    }
}

/// Keeps the request while it is driven.
struct Held(Arc<RequestLoaders>);

impl Queues for Held {
    fn flush(&self) {
        self.0.each_queue(&Flush);
    }

    fn expire(&self) {
        self.0.each_queue(&Expire);
    }

    fn forced(&self) {
        self.0.process.metrics.forced_flushes.inc();
    }
}
