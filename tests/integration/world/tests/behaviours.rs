//! Log-ins, limits and bans.

use super::{client, status, text};
use crate::world::{Bans, World, demand_cookie, http_date, log_in, rate_limit};

#[tokio::test]
async fn a_log_in_gives_each_another_cookie_and_a_page_demands_it() {
    let world = World::new();
    let shop = world.plain_site(&["shop.test"]);
    shop.on("/log-in", log_in("sid")).on("/account", demand_cookie("sid"));
    let client = client(&world, |b| b);
    assert_eq!(status(&client, &shop.url("/account")).await, 401);
    for value in ["1", "2"] {
        let response = client.get(shop.url("/log-in")).send().await.unwrap();
        assert_eq!(response.headers()["set-cookie"], format!("sid={value}; Path=/"));
        let cookie = format!("other=x; sid={value}");
        let response = client.get(shop.url("/account")).header("cookie", cookie).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), value);
    }
    assert_eq!(text(&client, &shop.url("/log-in")).await, "3");
}

#[tokio::test]
async fn a_limit_counts_for_each_value_and_says_when_to_come_again() {
    let world = World::new();
    let shop = world.plain_site(&["shop.test"]);
    let date = http_date("2026-03-01T12:00:00Z".parse().unwrap());
    assert_eq!(date, "Sun, 01 Mar 2026 12:00:00 GMT");
    shop.on("/seconds", rate_limit("sid", 2, 30)).on("/date", rate_limit("sid", 0, date.clone()));
    let client = client(&world, |b| b);
    let get = async |path: &str, value: &str| {
        let request = client.get(shop.url(path)).header("cookie", format!("sid={value}"));
        let response = request.send().await.unwrap();
        let retry_after =
            response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), retry_after)
    };
    for value in ["a", "b"] {
        assert_eq!(get("/seconds", value).await, (200, None));
        assert_eq!(get("/seconds", value).await, (200, None));
        assert_eq!(get("/seconds", value).await, (429, Some("30".to_owned())));
    }
    assert_eq!(status(&client, &shop.url("/seconds")).await, 200);
    assert_eq!(get("/date", "a").await, (429, Some(date)));
}

#[tokio::test]
async fn a_ban_holds_for_one_value_on_all_pages() {
    let world = World::new();
    let shop = world.plain_site(&["shop.test"]);
    let bans = Bans::default();
    shop.on("/a", bans.page("sid")).on("/b", bans.page("sid"));
    let client = client(&world, |b| b);
    bans.ban("1");
    for (value, expected) in [("1", 403), ("2", 200)] {
        for path in ["/a", "/b"] {
            let request = client.get(shop.url(path)).header("cookie", format!("sid={value}"));
            assert_eq!(request.send().await.unwrap().status().as_u16(), expected);
        }
    }
    assert_eq!(status(&client, &shop.url("/a")).await, 200);
}
