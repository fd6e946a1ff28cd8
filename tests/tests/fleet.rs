//! Two gateways and two backends, each a process of its own, over mutual TLS: every gateway spreads its calls over both
//! backends, and one backend that is frozen or killed under load costs no read.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use nova_tests::{
    app::database,
    authority::Authority,
    client::{Client, codes},
    database::TestDatabase,
    files::Files,
    metrics::count,
    processes::{Process, eventually},
    world::WORLD,
};
use serde_json::Value;

const DOMAIN: &str = "backend.nova.test";
const ALL: &str = "users,content,social";
const DOCUMENT: &str = "{
    viewer { username followerCount }
    feed(first: 3) { nodes { body author { username } likeCount commentCount viewerHasLiked } }
}";

struct Fleet {
    backends: [Process; 2],
    gateways: [Process; 2],
    clients: [Client; 2],
    database: TestDatabase,
    settings: Vec<(&'static str, String)>,
    _files: Files,
}

impl Fleet {
    async fn start() -> Self {
        let (authority, files) = (Authority::new(), Files::new());
        let papers = authority.papers(DOMAIN);
        let settings = vec![
            ("GRPC_TLS_CERT", files.write("fleet.pem", &papers.certificate)),
            ("GRPC_TLS_KEY", files.write("fleet.key", &papers.key)),
            ("GRPC_TLS_CA", files.write("ca.pem", &authority.certificate())),
            ("GRPC_TLS_DOMAIN", DOMAIN.to_owned()),
        ];
        let (database, _pool) = database(&[WORLD]).await;
        let with: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let backends = [
            Process::backend_with(ALL, database.url(), None, &with).await,
            Process::backend_with(ALL, database.url(), None, &with).await,
        ];
        let urls = backends.each_ref().map(|backend| format!("https://127.0.0.1:{}", backend.port)).join(",");
        let gateways = [Process::gateway_with([&urls; 3], &with).await, Process::gateway_with([&urls; 3], &with).await];
        let clients = gateways.each_ref().map(Process::viewer);
        let fleet = Self { backends, gateways, clients, database, settings, _files: files };
        for gateway in &fleet.gateways {
            eventually(|| async { endpoints(gateway, "used").await == 6 }).await;
        }
        fleet
    }

    /// Reads from both gateways at a time, until it is dropped; panics there at the first answer that is not `whole`.
    fn read(&self, whole: &Value) -> Readers {
        let (done, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let readers = self.clients.iter().cycle().take(8).map(|client| {
            let (client, whole, done, reads) = (client.clone(), whole.clone(), Arc::clone(&done), Arc::clone(&reads));
            tokio::spawn(async move {
                while !done.load(SeqCst) {
                    assert_eq!(client.query(DOCUMENT).await, whole);
                    reads.fetch_add(1, SeqCst);
                }
            })
        });
        Readers { tasks: readers.collect(), done, reads }
    }
}

struct Readers {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    done: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
}

impl Readers {
    /// Waits for so many more reads.
    async fn more(&self, reads: u64) {
        let wanted = self.reads.load(SeqCst) + reads;
        let enough = || async {
            self.reads.load(SeqCst) >= wanted || self.tasks.iter().any(tokio::task::JoinHandle::is_finished)
        };
        eventually(enough).await;
    }

    async fn end(self) {
        self.done.store(true, SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// Endpoints of all upstreams that are `used` or `out`, as a gateway sees them.
async fn endpoints(gateway: &Process, result: &str) -> u64 {
    let mut sum = 0;
    for upstream in ["users", "content", "social"] {
        let name = format!("nova_upstream_endpoints{{upstream=\"{upstream}\",result=\"{result}\"}}");
        sum += count(&gateway.admin_url(), &name).await;
    }
    sum
}

#[tokio::test]
async fn one_backend_of_two_is_killed_under_load_and_no_read_fails() {
    let mut fleet = Fleet::start().await;
    let whole = fleet.clients[0].query(DOCUMENT).await;
    assert_eq!(codes(&whole), Vec::<String>::new());
    assert_eq!(fleet.clients[1].query(DOCUMENT).await, whole, "both gateways answer alike");

    let readers = fleet.read(&whole);
    readers.more(100).await;
    fleet.backends[0].kill().await;
    for gateway in &fleet.gateways {
        eventually(|| async { endpoints(gateway, "out").await == 3 }).await;
    }
    readers.more(100).await;

    // It comes back, on its old port, and is used again.
    let with: Vec<_> = fleet.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let port = fleet.backends[0].port;
    fleet.backends[0] = Process::backend_with(ALL, fleet.database.url(), Some(port), &with).await;
    for gateway in &fleet.gateways {
        eventually(|| async { endpoints(gateway, "out").await == 0 }).await;
    }
    readers.more(100).await;
    readers.end().await;
}

#[tokio::test]
async fn one_backend_of_two_is_frozen_and_found() {
    let fleet = Fleet::start().await;
    let whole = fleet.clients[0].query(DOCUMENT).await;
    assert_eq!(codes(&whole), Vec::<String>::new());
    let readers = fleet.read(&whole);
    readers.more(100).await;
    // It keeps its connections and takes new ones. Calls that wait there end with their connection, and are made again.
    fleet.backends[1].freeze();
    for gateway in &fleet.gateways {
        eventually(|| async { endpoints(gateway, "out").await == 3 }).await;
    }
    readers.more(100).await;
    fleet.backends[1].go_on();
    for gateway in &fleet.gateways {
        eventually(|| async { endpoints(gateway, "out").await == 0 }).await;
    }
    readers.end().await;
}
