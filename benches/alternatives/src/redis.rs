//! Redis on loopback: a hash a session, a hundred outcomes a round trip; its append-only file is synced once a second.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use redis::{Client, Connection, Pipeline};

use crate::kept::Store;
use crate::session::Session;

const AT_ONCE: usize = 100;
const FIELDS: [&str; 6] =
    ["usage_count", "error_count", "error_score", "created_at", "expires_at", "last_used_at"];

pub(crate) struct Redis {
    server: Child,
    connection: Connection,
    pending: Pipeline,
}

impl Redis {
    /// Starts a server of its own.
    pub(crate) fn open(path: &Path) -> Self {
        let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = unused.expect("there is an unused port").port().to_string();
        let mut server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--dir"])
            .arg(path)
            // For whoever has to end it where this process cannot.
            .arg("--pidfile")
            .arg(path.join("redis.pid"))
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let client = Client::open(format!("redis://127.0.0.1:{port}/")).expect("it is an address");
        let began = Instant::now();
        let connection = loop {
            // It answers when it has loaded everything.
            let connection = client.get_connection().ok();
            let is_ready =
                |connection: &mut Connection| redis::cmd("PING").query::<String>(connection).is_ok();
            if let Some(connection) = connection.and_then(|mut c| is_ready(&mut c).then_some(c)) {
                break connection;
            }
            if began.elapsed() > Duration::from_mins(1) {
                let _ = server.kill();
                panic!("redis-server does not answer");
            }
            thread::sleep(Duration::from_millis(2));
        };
        Self { server, connection, pending: Pipeline::new() }
    }

    fn send(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.pending.query::<()>(&mut self.connection).expect("it is written");
        self.pending.clear();
    }

    fn ask<T: redis::FromRedisValue>(&mut self, command: &[&str]) -> T {
        redis::cmd(command[0]).arg(&command[1..]).query(&mut self.connection).expect("it is answered")
    }
}

impl Store for Redis {
    fn load(&mut self) -> Vec<Session> {
        let keys: Vec<String> = self.ask(&["KEYS", "session:*"]);
        let mut sessions = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE * 10) {
            for key in keys {
                self.pending.cmd("HMGET").arg(key).arg(&FIELDS);
            }
            let found: Vec<(u32, u32, f64, i64, i64, i64)> =
                self.pending.query(&mut self.connection).expect("it can be read");
            self.pending.clear();
            for (key, found) in keys.iter().zip(found) {
                let (usage_count, error_count, error_score, created_at, expires_at, last_used_at) = found;
                let id = key.strip_prefix("session:").map(|id| u128::from_str_radix(id, 16));
                let id = id.expect("it has one").expect("it is as it was written");
                sessions.push(Session {
                    id,
                    usage_count,
                    error_count,
                    error_score,
                    created_at,
                    expires_at,
                    last_used_at,
                });
            }
        }
        sessions
    }

    fn insert(&mut self, sessions: &[Session]) {
        for session in sessions {
            let command = self.pending.cmd("HSET").arg(format!("session:{:032x}", session.id));
            command.arg("created_at").arg(session.created_at).arg("expires_at").arg(session.expires_at);
            self.update(std::slice::from_ref(session));
        }
        self.send();
    }

    fn update(&mut self, sessions: &[Session]) {
        for Session { id, usage_count, error_count, error_score, last_used_at, .. } in sessions {
            let command = self.pending.cmd("HSET").arg(format!("session:{id:032x}"));
            command.arg("usage_count").arg(usage_count).arg("error_count").arg(error_count);
            command.arg("error_score").arg(error_score).arg("last_used_at").arg(last_used_at).ignore();
        }
        if self.pending.len() >= AT_ONCE {
            self.send();
        }
    }

    fn settle(&mut self) {
        self.send();
        // With `always` the file is synced before the next write is answered.
        self.ask::<()>(&["CONFIG", "SET", "appendfsync", "always"]);
        self.ask::<()>(&["SET", "settled", "1"]);
        self.ask::<()>(&["CONFIG", "SET", "appendfsync", "everysec"]);
    }

    fn server_memory(&mut self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it is there");
        let kilobytes = line.split_whitespace().nth(1).expect("a number");
        kilobytes.parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.send();
        }
        // It answers by hanging up.
        let _ = redis::cmd("SHUTDOWN").query::<()>(&mut self.connection);
        let _ = self.server.wait();
    }
}
