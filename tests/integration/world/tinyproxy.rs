//! A real HTTP proxy: tinyproxy, of the Debian package of that name.

use std::fmt::Write as _;
use std::process::Command;

use tempfile::TempDir;

use super::World;
use super::process::{Process, free_address, is_installed};

/// Listens on an address of its own, and its connections to the sites come from there too. Its limits: it closes each
/// connection after one plain request, adds `Via`, and sorts headers as it likes.
pub(crate) struct Tinyproxy {
    process: Process,
    directory: TempDir,
}

impl Tinyproxy {
    pub(crate) fn is_installed() -> bool {
        is_installed("tinyproxy")
    }

    /// Serves everyone. It knows the hosts that the world has by now.
    pub(crate) fn start(world: &World) -> Self {
        Self::start_with(world, &[])
    }

    /// Serves these users, each with a password, unless there are none. It answers 407 to requests without one, and 401
    /// to those with a wrong one.
    pub(crate) fn start_with(world: &World, users: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let (ip, port, log) = (address.ip(), address.port(), directory.path().join("log"));
        let mut config =
            format!("Listen {ip}\nPort {port}\nBind {ip}\nAllow 127.0.0.0/8\nLogLevel Connect\n");
        writeln!(config, "LogFile \"{}\"", log.display()).unwrap();
        for (user, password) in users {
            writeln!(config, "BasicAuth {user} {password}").unwrap();
        }
        std::fs::write(directory.path().join("config"), config).unwrap();
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(directory.path().join("config"));
        let process = Process::start(command, address, world, directory.path());
        Self { process, directory }
    }

    /// Where requests to the sites come from that went through it, but for the port.
    pub(crate) fn ip(&self) -> std::net::IpAddr {
        self.process.address.ip()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.process.address)
    }

    pub(crate) fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.process.address)
    }

    pub(crate) fn log(&self) -> Vec<String> {
        let log = std::fs::read(self.directory.path().join("log")).unwrap();
        String::from_utf8_lossy(&log).lines().map(str::to_owned).collect()
    }

    /// The first lines of all requests, also of those that it refused: `GET http://shop.test:80/ HTTP/1.1`.
    pub(crate) fn asked(&self) -> Vec<String> {
        let line = |line: &String| {
            Some(line.split_once("Request (file descriptor ")?.1.split_once("): ")?.1.to_owned())
        };
        self.log().iter().filter_map(line).collect()
    }

    /// The hosts that it connected to, one for each request that it served.
    pub(crate) fn connected_to(&self) -> Vec<String> {
        let host = |line: &String| {
            Some(line.split_once("Established connection to host \"")?.1.split_once('"')?.0.to_owned())
        };
        self.log().iter().filter_map(host).collect()
    }
}
