//! Proxies as processes: started on an address of their own, and killed when they are no longer needed.

use std::fs::File;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{World, own_address};

const LIBRARY: &str = "libnss_wrapper.so";
const MAX_WAIT: Duration = Duration::from_secs(20);

/// Whether a program is there, and the library by which it knows the hosts of a world.
pub(super) fn is_installed(program: &str) -> bool {
    let is_in = |directories: &str, name: &str| {
        std::env::split_paths(directories).any(|directory| directory.join(name).exists())
    };
    let machine = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let programs = std::env::var("PATH").unwrap_or_default();
    is_in(&programs, program) && is_in(&format!("{machine}:/usr/lib:/usr/lib64:/usr/local/lib"), LIBRARY)
}

/// An address with a port on which nobody listens.
pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind((own_address(), 0)).unwrap().local_addr().unwrap()
}

/// A proxy that runs, and listens. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts it in a directory, where `output` gets what it writes. It knows the hosts that the world has by now.
    pub(super) fn start(mut command: Command, address: SocketAddr, world: &World, directory: &Path) -> Self {
        let hosts: Vec<(IpAddr, String)> = world.addresses().map(|(host, at)| (at.ip(), host)).collect();
        let lines: Vec<String> = hosts.iter().map(|(ip, host)| format!("{ip} {host}\n")).collect();
        std::fs::write(directory.join("hosts"), lines.concat()).unwrap();
        let output = File::create(directory.join("output")).unwrap();
        command.env("LD_PRELOAD", LIBRARY).env("NSS_WRAPPER_HOSTS", directory.join("hosts"));
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut process = Self { child, address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let output = || std::fs::read_to_string(directory.join("output")).unwrap();
            assert!(process.child.try_wait().unwrap().is_none(), "{command:?} ended: {}", output());
            assert!(began.elapsed() < MAX_WAIT, "{command:?} does not listen: {}", output());
            sleep(Duration::from_millis(10));
        }
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
