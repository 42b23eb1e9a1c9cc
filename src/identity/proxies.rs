//! Where the proxies of new sessions come from.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::SessionNameRule;
use super::weighted::Weighted;
use crate::error::BoxError;
use crate::session::{Invalid, Proxy, SessionId};

type ProxyFn = dyn Fn(&SessionId) -> Result<Proxy, BoxError> + Send + Sync;

/// Where the proxies of a pool's new sessions come from: [`PoolBuilder::proxies`](crate::PoolBuilder::proxies).
///
/// A proxy is chosen once for each session, when the session is created and before the create function runs, so that a
/// log-in goes out through it. It is stored with the session, which keeps it for its life, across restarts too.
///
/// ```
/// use session_pool::{Proxies, SessionNameRule, SessionPool};
///
/// let proxies = Proxies::round_robin(["http://u:p@a.example:8000", "http://u:p@b.example:8000"])?;
/// let pool = SessionPool::builder().proxies(proxies).open_in_memory()?;
/// assert_eq!(pool.acquire()?.proxy()?.unwrap().url(), "http://u:p@a.example:8000");
///
/// // A vendor's gateway, which gives each session name an address of its own.
/// let gateway = "http://user-session-{session}:secret@gate.vendor.example:8000";
/// let proxies = Proxies::template(gateway, SessionNameRule::GEONODE)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Proxies(Kind);

enum Kind {
    RoundRobin { list: Vec<Proxy>, next: AtomicUsize },
    Random(Weighted<Proxy>),
    Template { url: String, rule: SessionNameRule },
    Custom(Box<ProxyFn>),
}

impl Proxies {
    const FIELD: &'static str = "proxies";
    const PLACEHOLDER: &'static str = "{session}";

    /// Each in its turn, from the first on whenever the pool is opened.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `proxies`: the list is empty, or one of them is no URL of a proxy.
    pub fn round_robin<P>(list: impl IntoIterator<Item = P>) -> Result<Self, Invalid>
    where
        P: TryInto<Proxy>,
        P::Error: Into<Invalid>,
    {
        let list = list.into_iter().enumerate().map(parse).collect::<Result<Vec<Proxy>, _>>()?;
        if list.is_empty() {
            return Err(Invalid::new(Self::FIELD, "empty", "must be at least one"));
        }
        Ok(Self(Kind::RoundRobin { list, next: AtomicUsize::new(0) }))
    }

    /// Any, each with the same chance.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `proxies`: the list is empty, or one of them is no URL of a proxy.
    pub fn random<P>(list: impl IntoIterator<Item = P>) -> Result<Self, Invalid>
    where
        P: TryInto<Proxy>,
        P::Error: Into<Invalid>,
    {
        Self::weighted(list.into_iter().map(|proxy| (proxy, 1)))
    }

    /// Any, each with a chance in proportion to its weight.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `proxies`: the list is empty, one of them is no URL of a proxy, a weight is zero, or their sum
    /// exceeds 64 bits.
    pub fn weighted<P>(list: impl IntoIterator<Item = (P, u64)>) -> Result<Self, Invalid>
    where
        P: TryInto<Proxy>,
        P::Error: Into<Invalid>,
    {
        let parse = |(n, (proxy, weight))| Ok((parse((n, proxy))?, weight));
        let list = list.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, Invalid>>()?;
        Ok(Self(Kind::Random(Weighted::new(Self::FIELD, list)?)))
    }

    /// The proxy of that URL, with the session's name for each `{session}` in its user or password. The name is the
    /// session's id where that fits the vendor's rule, otherwise one derived from it: see [`SessionNameRule`].
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `proxies`: there is no `{session}` in the URL's user or password, or there is one elsewhere, or it
    /// is no URL of a proxy.
    pub fn template(url: impl Into<String>, rule: SessionNameRule) -> Result<Self, Invalid> {
        const RULE: &str = "must have {session} in its user or password, and nowhere else";
        let url = url.into();
        let proxy = parse((0, url.as_str()))?;
        let is_elsewhere = || {
            let (before, after) = url.rsplit_once('@').unwrap_or(("", &url));
            !before.contains(Self::PLACEHOLDER) || after.contains(Self::PLACEHOLDER)
        };
        if is_elsewhere() {
            return Err(Invalid::new(Self::FIELD, proxy, RULE));
        }
        Ok(Self(Kind::Template { url, rule }))
    }

    /// What a function answers for the session of that id. It may take its time, as a create function may. Where it
    /// fails, no session is made: [`Error::NoProxy`](crate::Error::NoProxy).
    pub fn from_fn<F>(choose: F) -> Self
    where
        F: Fn(&SessionId) -> Result<Proxy, BoxError> + Send + Sync + 'static,
    {
        Self(Kind::Custom(Box::new(choose)))
    }

    /// Whether the proxy of a session depends on its id.
    pub(super) fn use_id(&self) -> bool {
        matches!(self.0, Kind::Template { .. } | Kind::Custom(_))
    }

    /// The proxy of a new session.
    ///
    /// # Errors
    ///
    /// That of the caller's function.
    pub(crate) fn choose(&self, id: &SessionId) -> Result<Proxy, BoxError> {
        match &self.0 {
            Kind::RoundRobin { list, next } => {
                Ok(list[next.fetch_add(1, Ordering::Relaxed) % list.len()].clone())
            }
            Kind::Random(list) => Ok(list.choose().clone()),
            // A name has only characters that mean nothing in a URL.
            Kind::Template { url, rule } => {
                Ok(Proxy::try_from(url.replace(Self::PLACEHOLDER, &rule.name_of(id)))?)
            }
            Kind::Custom(choose) => choose(id),
        }
    }
}

/// The proxy that is the `n`th of a list.
fn parse<P>((n, proxy): (usize, P)) -> Result<Proxy, Invalid>
where
    P: TryInto<Proxy>,
    P::Error: Into<Invalid>,
{
    proxy.try_into().map_err(|error| {
        let Invalid { value, rule, .. } = error.into();
        Invalid::new(Proxies::FIELD, format_args!("{value}, at number {}", n + 1), rule)
    })
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::RoundRobin { list, .. } => write!(f, "Proxies(round robin of {})", list.len()),
            Kind::Random(list) => write!(f, "Proxies(random of {})", list.len()),
            Kind::Template { rule, .. } => write!(f, "Proxies(template, {rule:?})"),
            Kind::Custom(_) => write!(f, "Proxies(function)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: &str = "http://user-session-{session}:topsecret@gate.vendor.example:8000";

    fn id() -> SessionId {
        "01a205549d4f7057a9bb985239832f51".parse().unwrap()
    }

    #[test]
    fn round_robin_begins_with_the_first_and_comes_back_to_it() {
        let proxies = Proxies::round_robin(["http://a", "http://b", "http://c"]).unwrap();
        let chosen: Vec<_> = (0..5).map(|_| proxies.choose(&id()).unwrap().url().to_owned()).collect();
        assert_eq!(chosen, ["http://a", "http://b", "http://c", "http://a", "http://b"]);
        assert!(!proxies.use_id());
    }

    #[test]
    fn round_robin_skips_none_and_repeats_none_under_many_threads() {
        let proxies = Proxies::round_robin((0..5).map(|n| format!("http://p{n}"))).unwrap();
        let mut counts = std::collections::HashMap::new();
        std::thread::scope(|scope| {
            let choose = || (0..10_000).map(|_| proxies.choose(&id()).unwrap()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(choose)).collect();
            for proxy in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
                *counts.entry(proxy).or_insert(0) += 1;
            }
        });
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [16_000; 5]);
    }

    #[test]
    fn random_ones_come_by_their_weights() {
        let share = |proxies: Proxies| {
            (0..4000).filter(|_| proxies.choose(&id()).unwrap().url() == "http://a").count()
        };
        // Ten standard deviations.
        assert!((1684..=2316).contains(&share(Proxies::random(["http://a", "http://b"]).unwrap())));
        assert!(
            (726..=1274).contains(&share(Proxies::weighted([("http://a", 1), ("http://b", 3)]).unwrap()))
        );
    }

    #[test]
    fn a_list_takes_texts_and_proxies_alike() {
        let proxy: Proxy = "http://a".parse().unwrap();
        for proxies in [
            Proxies::round_robin([proxy.clone()]),
            Proxies::round_robin(["http://a"]),
            Proxies::round_robin(vec!["http://a".to_owned()]),
        ] {
            assert_eq!(proxies.unwrap().choose(&id()).unwrap(), proxy);
        }
    }

    #[test]
    fn a_list_is_checked_when_it_is_given_and_passwords_are_not_repeated() {
        let none: [&str; 0] = [];
        for error in [
            Proxies::round_robin(none).unwrap_err(),
            Proxies::random(none).unwrap_err(),
            Proxies::weighted([("http://a", 0)]).unwrap_err(),
            Proxies::weighted([("http://a", u64::MAX), ("http://b", 1)]).unwrap_err(),
        ] {
            assert_eq!(error.field, "proxies");
        }
        let error = Proxies::round_robin(["http://a", "http://u:topsecret@h:99999"]).unwrap_err();
        assert_eq!((error.field, error.value.as_str()), ("proxies", "http://***, at number 2"));
        assert!(error.rule.contains("scheme://"));
    }

    #[test]
    fn a_template_names_the_session_as_its_vendor_wants_it() {
        let url = |rule| Proxies::template(GATE, rule).unwrap().choose(&id()).unwrap().url().to_owned();
        assert_eq!(
            url(SessionNameRule::APIFY),
            "http://user-session-01a205549d4f7057a9bb985239832f51:topsecret@gate.vendor.example:8000"
        );
        let name = SessionNameRule::EVOMI.name_of(&id());
        let evomi = url(SessionNameRule::EVOMI);
        assert_eq!(evomi, GATE.replace("{session}", &name));
        assert_eq!(url(SessionNameRule::EVOMI), evomi, "the same each time");
    }

    #[test]
    fn a_template_without_a_session_is_refused() {
        for bad in [
            "http://user:topsecret@gate.example:8000",
            "http://user:topsecret@{session}.gate.example:8000",
            "http://{session}.gate.example:8000",
            "http://user-{session}:topsecret@gate.example/{session}",
            "http://user-{Session}:topsecret@gate.example:8000",
            "gate.example:topsecret@{session}",
        ] {
            let error = Proxies::template(bad, SessionNameRule::APIFY).unwrap_err();
            assert_eq!(error.field, "proxies", "{bad}");
            assert!(!error.to_string().contains("topsecret"), "{error}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let proxies = Proxies::template(GATE, SessionNameRule::APIFY).unwrap();
        assert!(!format!("{proxies:?}").contains("topsecret"));
        let proxies = Proxies::round_robin(["http://u:topsecret@h"]).unwrap();
        assert_eq!(format!("{proxies:?}"), "Proxies(round robin of 1)");
    }
}
