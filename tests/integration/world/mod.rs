//! A world of web sites and proxies for the client to be tested in. It knows nothing of the client.
//!
//! The sites ([`Site`]) are real servers on loopback addresses of their own, which answer as a test tells them to and write
//! down all that they are asked. The proxies are real processes: [`Tinyproxy`] and [`Socks`]. Each sends from its own
//! address, so that the log of the sites tells what came through which.

#![allow(dead_code, reason = "not every test needs all of it")]

mod answer;
mod behaviours;
mod certificates;
mod connection;
mod process;
mod seen;
mod site;
mod socks;
mod tests;
mod tinyproxy;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use parking_lot::Mutex;
use tokio::runtime::Runtime;

pub(crate) use answer::Answer;
pub(crate) use behaviours::{Bans, demand_cookie, http_date, log_in, rate_limit};
use certificates::Authority;
use seen::Log;
pub(crate) use seen::SeenRequest;
pub(crate) use site::{Site, Transport};
pub(crate) use socks::Socks;
pub(crate) use tinyproxy::Tinyproxy;

/// Sites, and what they saw. They run on threads of their own until it is dropped.
pub(crate) struct World {
    runtime: Option<Runtime>,
    authority: Authority,
    log: Log,
    /// The first site of each host.
    hosts: Mutex<BTreeMap<String, SocketAddr>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        Self {
            runtime: Some(runtime.worker_threads(2).enable_all().build().unwrap()),
            authority: Authority::new(),
            log: Log::default(),
            hosts: Mutex::default(),
        }
    }

    /// A site that is known by these hosts, and named by the first of them. Hosts that another site has too, for https
    /// beside http, have the same address, and the ports tell the sites apart.
    pub(crate) fn site(&self, transport: Transport, hosts: &[&str]) -> Site {
        let mut known = self.hosts.lock();
        let ip = hosts.iter().find_map(|&host| known.get(host)).map_or_else(own_address, SocketAddr::ip);
        let listener = std::net::TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for &host in hosts {
            let first = known.entry(host.to_owned()).or_insert(address);
            assert_eq!(first.ip(), ip, "{host} is at another address already");
        }
        let tls = self.authority.acceptor(transport, hosts, ip);
        let _within = self.runtime.as_ref().unwrap().enter();
        Site::start(listener, tls, hosts, self.log.clone())
    }

    pub(crate) fn plain_site(&self, hosts: &[&str]) -> Site {
        self.site(Transport::Plain, hosts)
    }

    pub(crate) fn tls_site(&self, hosts: &[&str]) -> Site {
        self.site(Transport::Tls, hosts)
    }

    /// Where each host is, for the client's own name lookup; with the port of its first site, for URLs that have none.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (String, SocketAddr)> {
        self.hosts.lock().clone().into_iter()
    }

    /// The certificate that all TLS sites are signed by.
    pub(crate) fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// Every request to any of the sites, in the order in which they came.
    pub(crate) fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// Those to one site, by its name.
    pub(crate) fn requests_to(&self, site: &str) -> Vec<SeenRequest> {
        self.log.all().into_iter().filter(|seen| seen.site == site).collect()
    }

    /// Those that carried this header with this value.
    pub(crate) fn requests_with(&self, header: &str, value: &str) -> Vec<SeenRequest> {
        self.log.all().into_iter().filter(|seen| seen.header_values(header).any(|v| v == value)).collect()
    }

    /// The log begins anew; the numbers go on.
    pub(crate) fn forget_requests(&self) {
        self.log.clear();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // It may be dropped within another runtime, where none may be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A loopback address that no other site or proxy has: neither of this process nor, nearly always, of another.
fn own_address() -> IpAddr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    if !cfg!(target_os = "linux") {
        return Ipv4Addr::LOCALHOST.into();
    }
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let process = u8::try_from(64 + std::process::id() % 128).unwrap();
    Ipv4Addr::new(127, process, high, low).into()
}
