//! Serves a pool's figures to Prometheus while it works.
//!
//! ```text
//! cargo run --example metrics --features metrics              then: curl http://127.0.0.1:9464/metrics
//! cargo run --example metrics --features metrics -- --once    prints them after three seconds of work, and ends
//! ```

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use session_pool::SessionPool;

const ADDRESS: &str = "127.0.0.1:9464";

fn main() -> Result<(), Box<dyn Error>> {
    // Whatever recorder the program installs gets the figures; this one writes them as Prometheus reads them.
    let figures = PrometheusBuilder::new().install_recorder()?;
    let directory = std::env::temp_dir().join(format!("session-pool-metrics-{}", std::process::id()));
    let pool = SessionPool::builder().name("shop.example").max_pool_size(50).open(&directory)?;

    if std::env::args().any(|argument| argument == "--once") {
        let end = Instant::now() + Duration::from_secs(3);
        work(&pool, || Instant::now() < end)?;
        print!("{}", figures.render());
        pool.close()?;
        drop(pool);
        std::fs::remove_dir_all(directory)?;
        return Ok(());
    }
    let worker = thread::spawn({
        let pool = pool.clone();
        move || work(&pool, || true)
    });
    let listener = TcpListener::bind(ADDRESS)?;
    println!("http://{ADDRESS}/metrics");
    for connection in listener.incoming() {
        // Whoever hangs up early gets nothing.
        let _ = answer(connection?, &figures.render());
        if worker.is_finished() {
            break;
        }
    }
    Ok(())
}

/// What a crawler does, without the site.
fn work(pool: &SessionPool, goes_on: impl Fn() -> bool) -> Result<(), session_pool::Error> {
    let mut turn = 0_u32;
    while goes_on() {
        turn += 1;
        let lease = pool.acquire()?;
        let status = match turn {
            turn if turn % 200 == 0 => 403,
            turn if turn % 50 == 0 => 429,
            turn if turn % 20 == 0 => 500,
            _ => 200,
        };
        let _ = lease.settle_status(status, Some(Duration::from_secs(1)))?;
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn answer(mut connection: TcpStream, body: &str) -> std::io::Result<()> {
    let mut line = String::new();
    let mut request = BufReader::new(connection.try_clone()?);
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    write!(
        connection,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
