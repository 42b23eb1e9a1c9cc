//! The world is as it says, seen with a plain reqwest.

mod behaviours;
mod failures;
mod proxies;
mod sites;

use reqwest::{Certificate, Client, ClientBuilder};

use super::World;

/// A client that knows the world and trusts its sites.
fn client(world: &World, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    client_that_trusts(world, world, change)
}

fn client_that_trusts(
    trusted: &World,
    world: &World,
    change: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Client {
    let authority = Certificate::from_pem(trusted.ca_pem().as_bytes()).unwrap();
    let builder = Client::builder().no_proxy().tls_certs_only([authority]);
    let builder = world.addresses().fold(builder, |b, (host, address)| b.resolve(&host, address));
    change(builder).build().unwrap()
}

async fn status(client: &Client, url: &str) -> u16 {
    client.get(url).send().await.unwrap().status().as_u16()
}

async fn text(client: &Client, url: &str) -> String {
    client.get(url).send().await.unwrap().text().await.unwrap()
}
