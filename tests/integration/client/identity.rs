//! One identity: what a session sends is its own, in every request, on every host, across restarts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use session_pool::client::{SessionClient, Transport};
use session_pool::{BoxError, Fingerprints, SessionId, SessionOptions, SessionPool};

use super::{client, transport};
use crate::world::{Answer, SeenRequest, World, demand_cookie, log_in};

/// A pool whose sessions log in at a site.
fn logging_in(
    transport: &Transport,
    login: String,
    options: SessionOptions,
) -> impl Fn(SessionOptions) -> std::pin::Pin<Box<dyn Future<Output = Result<SessionOptions, BoxError>> + Send>>
+ Send
+ Sync
+ 'static {
    let transport = transport.clone();
    drop(options);
    move |options| {
        let (transport, login) = (transport.clone(), login.clone());
        Box::pin(async move {
            let newcomer = transport.newcomer(options)?;
            newcomer.get(login).send().await?.error_for_status()?;
            Ok(newcomer.into_options())
        })
    }
}

/// What stays the same in all requests of one session.
fn headers(seen: &SeenRequest) -> Vec<(String, String)> {
    let own = ["host", "cookie"];
    let theirs = seen.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    theirs.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_session_carries_what_is_its_own_across_restarts() {
    let world = World::new();
    let plain = world.plain_site(&["shop.test", "www.shop.test"]);
    let secure = world.tls_site(&["shop.test", "www.shop.test"]);
    plain.on("/login", |_| Answer::status(404));
    let give = log_in("visitor");
    secure.on("/login", move |seen| {
        let answer = give(seen);
        let value = String::from("of the domain");
        answer.set_cookie(format!("everywhere={value}; Domain=shop.test"))
    });
    for site in [&plain, &secure] {
        site.on("/page", demand_cookie("visitor"));
    }
    let directory = tempfile::tempdir().unwrap();
    let transport = transport(&world).build().unwrap();
    let mut of_session: HashMap<SessionId, (String, Vec<(String, String)>)> = HashMap::new();
    for run in 0..3 {
        world.forget_requests();
        let options = SessionOptions { max_usage_count: 1000, ..SessionOptions::default() };
        let pool = SessionPool::builder()
            .max_pool_size(6)
            .session_options(options.clone())
            .fingerprints(Fingerprints::built_in())
            .create_with_async(logging_in(&transport, secure.url("/login"), options))
            .open(directory.path())
            .unwrap();
        assert_eq!(pool.open_report().restored, if run == 0 { 0 } else { 6 });
        let client = SessionClient::builder(pool).transport(transport.clone()).build().unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..120 {
            let site = if n % 2 == 0 { &plain } else { &secure };
            let (client, url) = (client.clone(), site.url("/page"));
            tasks.spawn(async move {
                let response = client.get(url).header("x-number", n.to_string()).send().await.unwrap();
                assert_eq!(response.status(), 200);
                (n.to_string(), *response.session(), response.text())
            });
        }
        let answered = tasks.join_all().await;
        // The same port may lead to both sites.
        let mut connections: BTreeMap<(&str, SocketAddr), SessionId> = BTreeMap::new();
        for (number, session, cookie) in &answered {
            let seen = world.requests_with("x-number", number);
            let [seen] = &seen[..] else { panic!("{seen:#?}") };
            assert_eq!(seen.cookies(), [("visitor", &**cookie), ("everywhere", "of the domain")]);
            let mut own = headers(seen);
            own.retain(|(name, _)| name != "x-number");
            // In plain HTTP a browser asks for fewer encodings.
            own.iter_mut().filter(|(name, _)| name == "accept-encoding").for_each(|(_, value)| value.clear());
            let expected = of_session.entry(*session).or_insert_with(|| (cookie.clone(), own.clone()));
            assert_eq!((cookie, &own), (&expected.0, &expected.1), "{session}");
            let other = connections.insert((seen.scheme, seen.peer), *session);
            assert!(other.is_none_or(|other| other == *session), "a connection is one session's");
        }
        let logins = world.requests().iter().filter(|seen| seen.path() == "/login").count();
        assert_eq!(logins, if run == 0 { 6 } else { 0 });
        client.pool().close().unwrap();
    }
    assert_eq!(of_session.len(), 6);
    let cookies: BTreeSet<&String> = of_session.values().map(|(cookie, _)| cookie).collect();
    assert_eq!(cookies.len(), 6, "no two sessions share a cookie");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_come_in_the_order_of_the_fingerprint_with_those_of_the_request_in_their_place() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/", Answer::ok("").set_cookie("a=1"));
    let client =
        client(&world, |pool| pool.max_pool_size(1).fingerprints(Fingerprints::built_in()), |client| client);
    for _ in 0..2 {
        client.get(site.url("/")).header("accept", "text/plain").header("x-own", "x").send().await.unwrap();
    }
    let requests = world.requests();
    let fingerprint = client.pool().iter().next().unwrap().fingerprint().unwrap().unwrap();
    let mut expected: Vec<String> = fingerprint.headers.iter().map(|(name, _)| name.clone()).collect();
    let language = expected.iter().position(|name| name == "accept-language").unwrap();
    expected.insert(language, "accept-encoding".into());
    expected.insert(0, "host".into());
    expected.push("x-own".into());
    assert_eq!(requests[0].header_names(), expected);
    expected.push("cookie".into());
    assert_eq!(requests[1].header_names(), expected);
    assert_eq!(requests[1].header("accept"), Some("text/plain"));
    assert_eq!(requests[0].header("accept-encoding"), Some("gzip, deflate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_every_kind_go_where_they_belong() {
    let world = World::new();
    let plain = world.plain_site(&["shop.test", "www.shop.test"]);
    let secure = world.tls_site(&["shop.test", "www.shop.test"]);
    let other = world.plain_site(&["other.test"]);
    secure.always(
        "/deep/set",
        Answer::ok("")
            .set_cookie("host_only=1; Path=/")
            .set_cookie("domain=2; Domain=.shop.test; Path=/")
            .set_cookie("secure=3; Domain=shop.test; Path=/; Secure; HttpOnly; SameSite=Strict")
            .set_cookie("path=4; Domain=shop.test; Path=/deep")
            .set_cookie("default_path=5; Domain=shop.test")
            .set_cookie("gone=6; Max-Age=0; Path=/")
            .set_cookie("lasting=7; Max-Age=1000; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/")
            .set_cookie("foreign=8; Domain=other.test")
            .set_cookie("suffix=9; Domain=test")
            .set_cookie("nonsense")
            .set_cookie("__Host-right=10; Secure; Path=/")
            .set_cookie("__Host-wrong=11; Secure; Path=/; Domain=shop.test"),
    );
    let client = plain_for_all(&world);
    let response = client.get(secure.url_at("shop.test", "/deep/set")).send().await.unwrap();
    let rejected: Vec<&str> = response.rejected_cookies().iter().map(|cookie| &*cookie.name).collect();
    assert_eq!(rejected, ["foreign", "", "__Host-wrong"]);
    for (url, expected) in [
        (secure.url_at("shop.test", "/"), "host_only=1; domain=2; secure=3; lasting=7; __Host-right=10"),
        (plain.url_at("shop.test", "/"), "host_only=1; domain=2; lasting=7"),
        (secure.url_at("www.shop.test", "/deep/x"), "path=4; default_path=5; suffix=9; domain=2; secure=3"),
        (plain.url_at("www.shop.test", "/"), "domain=2"),
        (other.url("/"), ""),
    ] {
        client.get(&url).send().await.unwrap();
        let seen = world.requests().pop().unwrap();
        let sent: Vec<String> =
            seen.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(sent.join("; "), expected, "{url}");
    }
    // By a date of the past it is deleted.
    secure.always(
        "/",
        Answer::ok("").set_cookie("domain=; Domain=shop.test; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
    );
    client.get(secure.url("/")).send().await.unwrap();
    client.get(plain.url_at("www.shop.test", "/")).send().await.unwrap();
    assert!(world.requests().pop().unwrap().cookies().is_empty());
}

fn plain_for_all(world: &World) -> SessionClient {
    super::plain_client(world)
}
