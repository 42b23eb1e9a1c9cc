//! A real SOCKS5 proxy: microsocks, of the Debian package of that name.

use std::process::Command;

use tempfile::TempDir;

use super::World;
use super::process::{Process, free_address, is_installed};

/// Listens on an address of its own, and its connections to the sites come from there too.
pub(crate) struct Socks {
    process: Process,
    directory: TempDir,
}

impl Socks {
    pub(crate) fn is_installed() -> bool {
        is_installed("microsocks")
    }

    /// Serves everyone. It knows the hosts that the world has by now.
    pub(crate) fn start(world: &World) -> Self {
        Self::start_with(world, None)
    }

    /// Serves this user, with a password, or everyone.
    pub(crate) fn start_with(world: &World, user: Option<(&str, &str)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let mut command = Command::new("microsocks");
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        command.args(["-i", &ip, "-p", &port, "-b", &ip]);
        if let Some((user, password)) = user {
            command.args(["-u", user, "-P", password]);
        }
        let process = Process::start(command, address, world, directory.path());
        Self { process, directory }
    }

    /// Where requests to the sites come from that went through it, but for the port.
    pub(crate) fn ip(&self) -> std::net::IpAddr {
        self.process.address.ip()
    }

    /// The proxy looks the hosts of the sites up (`socks5h`).
    pub(crate) fn url(&self) -> String {
        format!("socks5h://{}", self.process.address)
    }

    pub(crate) fn url_with(&self, user: &str, password: &str) -> String {
        format!("socks5h://{user}:{password}@{}", self.process.address)
    }

    /// What it connected to: `shop.test:80`.
    pub(crate) fn connected_to(&self) -> Vec<String> {
        let output = std::fs::read(self.directory.path().join("output")).unwrap();
        let target = |line: &str| line.split_once("connected to ").map(|(_, target)| target.to_owned());
        String::from_utf8_lossy(&output).lines().filter_map(target).collect()
    }
}
