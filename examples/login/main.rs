//! Accounts that log in once, and come back logged in: warm-up, and a check after a restart.
//!
//! ```text
//! cargo run --release --features reqwest --example login
//! ```
//!
//! A site of members, served by this program itself on loopback, gives its cookie for a name and a password. Each session of
//! the pool is one account. The program opens the pool twice, as a crawler that is restarted would. In between the site has
//! forgotten one of the log-ins, as sites do: that session is found out by the check, before it has spoiled a page, and its
//! account logs in again.

mod members;

use std::sync::{Arc, Mutex, PoisonError};

use members::Members;
use session_pool::client::{SessionClient, Transport};
use session_pool::{BoxError, CheckAfter, Session, SessionOptions, SessionPool, Verdict};

/// The accounts that no session has.
type Accounts = Arc<Mutex<Vec<String>>>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let site = Members::open().await?;
    let directory = std::env::temp_dir().join(format!("login-{}", std::process::id()));

    let client = open(&directory, &site)?;
    read_all(&client, &site).await?;
    println!("first run:  {} accounts have logged in, {} pages read", site.log_ins(), site.pages_read());
    client.pool().close()?;
    drop(client);

    site.forget("ann");
    let client = open(&directory, &site)?;
    println!("restart:    {} sessions came back", client.pool().open_report().restored);
    read_all(&client, &site).await?;
    let stats = client.pool().stats();
    println!("second run: {} more log-in, {} pages read", site.log_ins() - 3, site.pages_read());
    println!(
        "checks:     {} passed, {} found a session that was logged out",
        stats.checks_passed, stats.checks_retired
    );
    let refused = site.refused();
    client.pool().close()?;
    std::fs::remove_dir_all(directory)?;
    let as_promised =
        site.log_ins() == 4 && stats.checks_passed == 2 && stats.checks_retired == 1 && refused == 0;
    if as_promised {
        Ok(())
    } else {
        Err(format!("not as promised: {refused} pages refused, {stats:?}").into())
    }
}

/// A pool in which each account has a session.
fn open(directory: &std::path::Path, site: &Members) -> Result<SessionClient, BoxError> {
    let transport = Transport::new()?;
    let accounts = Accounts::new(Mutex::new(vec!["ann".into(), "bob".into(), "cy".into()]));
    let (url, log_in_with, check_with) = (site.url(), transport.clone(), transport.clone());
    let pool = SessionPool::builder()
        .max_pool_size(3)
        .session_options(SessionOptions { max_usage_count: 10_000, ..SessionOptions::default() })
        .create_with_async({
            let (url, accounts) = (url.clone(), Arc::clone(&accounts));
            move |options| log_in(log_in_with.clone(), url.clone(), Arc::clone(&accounts), options)
        })
        .check_with_async(CheckAfter::default(), {
            let (url, accounts) = (url.clone(), Arc::clone(&accounts));
            move |session| check(check_with.clone(), url.clone(), Arc::clone(&accounts), session)
        })
        .open(directory)?;
    // Whoever came back has an account.
    for session in pool.iter() {
        let name: Option<String> = session.user_data("account")?;
        lock(&accounts).retain(|account| Some(account) != name.as_ref());
    }
    Ok(SessionClient::builder(pool).transport(transport).build()?)
}

/// Logs an account in, with the proxy and the fingerprint that the session will have.
async fn log_in(
    transport: Transport,
    url: String,
    accounts: Accounts,
    options: SessionOptions,
) -> Result<SessionOptions, BoxError> {
    let account = lock(&accounts).pop().ok_or("all accounts are in use")?;
    let newcomer = transport.newcomer(options)?;
    let form = [("name", &*account), ("password", "open sesame")];
    let answer = newcomer.post(format!("{url}/login")).form(&form).send().await;
    match answer.and_then(|answer| answer.error_for_status().map(drop)) {
        Ok(()) => Ok(newcomer.into_options().user_data("account", account)),
        Err(error) => {
            lock(&accounts).push(account);
            Err(error.into())
        }
    }
}

/// Whether a session that came back is still logged in. Where it is not, its account is free.
async fn check(
    transport: Transport,
    url: String,
    accounts: Accounts,
    session: Session,
) -> Result<Verdict, BoxError> {
    let account: Option<String> = session.user_data("account")?;
    let visitor = transport.visitor(session)?;
    match visitor.get(format!("{url}/account")).send().await?.status().as_u16() {
        200 => Ok(Verdict::Ok),
        401 => {
            lock(&accounts).extend(account);
            Ok(Verdict::Blocked)
        }
        status => Err(format!("the site answers {status}").into()),
    }
}

/// Reads pages until every account has read one.
async fn read_all(client: &SessionClient, site: &Members) -> Result<(), BoxError> {
    let mut readers = std::collections::BTreeSet::new();
    while readers.len() < 3 {
        let response = client.get(format!("{}/page", site.url())).send().await?;
        readers.insert(response.error_for_status()?.text());
    }
    Ok(())
}

fn lock(accounts: &Accounts) -> std::sync::MutexGuard<'_, Vec<String>> {
    accounts.lock().unwrap_or_else(PoisonError::into_inner)
}
