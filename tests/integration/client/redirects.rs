//! Redirects: followed hop by hop, each answer's cookies stored under its own URL.

use session_pool::{Failure, Verdict};

use super::{failed, plain_client};
use crate::world::{Answer, World};

#[tokio::test(flavor = "multi_thread")]
async fn each_hop_gets_its_own_cookies_and_no_others_across_hosts_and_tls() {
    let world = World::new();
    let plain = world.plain_site(&["shop.test"]);
    let secure = world.tls_site(&["shop.test"]);
    let login = world.tls_site(&["login.test"]);
    let back = secure.url("/back");
    plain.always("/", Answer::redirect(301, secure.url("/")).set_cookie("plain=1"));
    secure.always("/", Answer::redirect(302, login.url("/sso?from=shop#top")).set_cookie("secure=2; Secure"));
    login.on("/sso", move |_| Answer::redirect(303, &back).set_cookie("sso=3; Path=/"));
    secure.always("/back", Answer::redirect(307, "end").set_cookie("back=4"));
    secure.always("/end", Answer::ok("arrived").set_cookie("end=5"));
    let client = plain_client(&world);
    for (visit, at_login) in [(1, ""), (2, "sso=3")] {
        world.forget_requests();
        let response =
            client.get(plain.url("/")).bearer_auth("secret").header("x-own", "kept").send().await.unwrap();
        assert_eq!((response.text(), response.redirects().len()), ("arrived".to_owned(), 4));
        assert_eq!(response.url().as_str(), secure.url("/end#top"));
        let hops = world.requests();
        assert_eq!(hops.len(), 5);
        assert!(hops.iter().all(|hop| hop.header("x-own") == Some("kept")));
        let authorized: Vec<bool> = hops.iter().map(|hop| hop.header("authorization").is_some()).collect();
        assert_eq!(authorized, [true, false, false, false, false], "it was for one origin");
        assert_eq!(hops[2].header("cookie").unwrap_or_default(), at_login, "visit {visit}");
        assert_eq!(hops[2].path_and_query, "/sso?from=shop");
        assert!(hops[4].cookies().contains(&("plain", "1")) && hops[4].cookies().contains(&("secure", "2")));
        assert!(hops[0].cookie("secure").is_none(), "it is for TLS only");
        let visited = client.pool().get(response.session()).unwrap().record();
        assert_eq!(visited.usage_count, visit, "R-5: one request is one use, redirects or not");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_repeated_where_the_method_stays_and_dropped_where_it_becomes_get() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/303", Answer::redirect(303, "/end"));
    site.always("/307", Answer::redirect(307, "/end"));
    site.always("/end", Answer::ok(""));
    let client = plain_client(&world);
    for (path, method, body) in [("/303", "GET", ""), ("/307", "POST", "a=b")] {
        client.post(site.url(path)).form(&[("a", "b")]).send().await.unwrap();
        let end = world.requests().pop().unwrap();
        assert_eq!((&*end.method, end.body.as_slice()), (method, body.as_bytes()));
        assert_eq!(end.header("content-type").is_some(), !body.is_empty());
    }
    // What is streamed can be sent once.
    let stream = reqwest::Body::wrap(http_body_util::Full::new(bytes::Bytes::from("a=b")));
    let response = client.post(site.url("/307")).body(stream).send().await.unwrap();
    assert_eq!(response.status(), 307);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_is_a_failure_and_what_leads_nowhere_an_answer() {
    let world = World::new();
    let site = world.plain_site(&["shop.test"]);
    site.always("/loop", Answer::redirect(302, "/loop"));
    site.always("/nowhere", Answer::status(302));
    site.always("/mail", Answer::redirect(302, "mailto:me@shop.test"));
    let client = plain_client(&world);
    let error = failed(client.get(site.url("/loop")).send().await.unwrap_err());
    assert_eq!(error.failure(), Failure::Redirects);
    assert_eq!(error.visit().unwrap().verdict, Verdict::Failed);
    assert_eq!(world.requests().len(), 21, "20 redirects are followed");
    for path in ["/nowhere", "/mail"] {
        let response = client.get(site.url(path)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.verdict()), (302, Verdict::Ok));
    }
    let transport = super::transport(&world).max_redirects(0).build().unwrap();
    let client =
        session_pool::client::SessionClient::builder(client.pool().clone()).transport(transport).build();
    let response = client.unwrap().get(site.url("/loop")).send().await.unwrap();
    assert_eq!(response.status(), 302, "each is an answer where none is followed");
}
