//! Where the fingerprints of new sessions come from.

use std::fmt;

use super::browsers::{BrowserProfile, built_in};
use super::languages;
use super::weighted::Weighted;
use crate::error::BoxError;
use crate::session::{Fingerprint, Invalid, SessionId};

type FingerprintFn = dyn Fn(&SessionId) -> Result<Fingerprint, BoxError> + Send + Sync;

/// Where the fingerprints of a pool's new sessions come from:
/// [`PoolBuilder::fingerprints`](crate::PoolBuilder::fingerprints).
///
/// A fingerprint is chosen once for each session, when the session is created and before the create function runs, so that
/// a log-in looks like what comes after it. It is stored with the session, which keeps it for its life, across restarts
/// too: also when the browser it plays has grown old.
///
/// The built-in ones are the headers of a browser that opens a page whose address was entered, in the order in which it
/// sends them, with names in lower case as in HTTP/2: `user-agent`, `accept`, `accept-language`, `sec-fetch-*`, and from
/// Chrome and Edge the client hints `sec-ch-ua*`, all of which agree with each other. The attributes are `browser`,
/// `version`, `platform` and `mobile`. What a client does by itself is left to it: `accept-encoding`, `priority`,
/// cookies, and all that is no header. A site that looks at the TLS handshake or at HTTP/2 itself sees the client, not
/// the browser: take those that your client can play.
///
/// Each is chosen with a chance in proportion to its weight: that of the built-in ones is the rough share of the browser
/// among page views all over the world, which makes more than half of them phones.
///
/// ```
/// use session_pool::{Browser, Fingerprints, SessionPool};
///
/// let fingerprints = Fingerprints::built_in()
///     .only(|profile| profile.browser == Browser::Chrome && !profile.is_mobile())
///     .languages(["de-DE", "de", "en-US", "en"]);
/// let pool = SessionPool::builder().fingerprints(fingerprints).open_in_memory()?;
/// let fingerprint = pool.acquire()?.fingerprint()?.unwrap();
/// assert_eq!(fingerprint.attributes["browser"], "chrome");
/// let language = fingerprint.headers.iter().find(|(name, _)| name == "accept-language").unwrap();
/// assert_eq!(language.1, "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7");
/// # Ok::<(), session_pool::Error>(())
/// ```
#[must_use]
pub struct Fingerprints {
    profiles: Vec<(BrowserProfile, u64)>,
    languages: Vec<String>,
    own: Vec<(Fingerprint, u64)>,
    custom: Option<Box<FingerprintFn>>,
    /// Whether anything was said besides where they come from.
    is_refined: bool,
}

enum Choice<'a> {
    Profile(&'a BrowserProfile),
    Own(&'a Fingerprint),
}

impl Fingerprints {
    const FIELD: &'static str = "fingerprints";
    /// The weight of all built-in ones together, before any were taken away: 6000.
    pub const BUILT_IN_WEIGHT: u64 = 6000;

    /// Recent versions of Chrome (Windows, macOS, Linux, Android), Edge (Windows, macOS), Firefox (Windows, macOS, Linux)
    /// and Safari (macOS, iPhone), in English. They are those of the day on which this version of the crate was made.
    pub fn built_in() -> Self {
        Self { profiles: built_in(), ..Self::empty() }
    }

    /// None, to add your own [`with`](Self::with).
    pub fn empty() -> Self {
        Self {
            profiles: Vec::new(),
            languages: ["en-US", "en"].map(str::to_owned).to_vec(),
            own: Vec::new(),
            custom: None,
            is_refined: false,
        }
    }

    /// What a function answers for the session of that id. It may take its time, as a create function may. Where it
    /// fails, or answers a header that is none, no session is made: [`Error::NoFingerprint`](crate::Error::NoFingerprint).
    pub fn from_fn<F>(choose: F) -> Self
    where
        F: Fn(&SessionId) -> Result<Fingerprint, BoxError> + Send + Sync + 'static,
    {
        Self { custom: Some(Box::new(choose)), ..Self::empty() }
    }

    /// Only those of the built-in ones that a function wants; the weights of the others stay as they are to each other.
    pub fn only(mut self, mut wanted: impl FnMut(&BrowserProfile) -> bool) -> Self {
        self.profiles.retain(|(profile, _)| wanted(profile));
        self.is_refined = true;
        self
    }

    /// Which languages the built-in ones ask for, one to nine, the most wanted first; `accept-language` has them with the
    /// q-values that the browser gives to such a list. Default: `en-US`, `en`.
    pub fn languages<L: Into<String>>(mut self, languages: impl IntoIterator<Item = L>) -> Self {
        self.languages = languages.into_iter().map(Into::into).collect();
        self.is_refined = true;
        self
    }

    /// One more of your own, which is taken as it is. All built-in ones together weigh
    /// [`BUILT_IN_WEIGHT`](Self::BUILT_IN_WEIGHT).
    pub fn with(mut self, fingerprint: Fingerprint, weight: u64) -> Self {
        self.own.push((fingerprint, weight));
        self.is_refined = true;
        self
    }

    /// # Errors
    ///
    /// [`Invalid`], naming `fingerprints` or `languages`: there is none, a weight is zero, one has a header that is none, or
    /// a function was given and others besides.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.custom.is_some() {
            if self.is_refined {
                let rule = "must be either a function or a set";
                return Err(Invalid::new(Self::FIELD, "a function with something besides", rule));
            }
            return Ok(());
        }
        languages::check(&self.languages)?;
        self.own.iter().try_for_each(|(fingerprint, _)| check_headers(fingerprint))?;
        self.choices().map(drop)
    }

    fn choices(&self) -> Result<Weighted<Choice<'_>>, Invalid> {
        let profiles = self.profiles.iter().map(|(profile, weight)| (Choice::Profile(profile), *weight));
        let own = self.own.iter().map(|(fingerprint, weight)| (Choice::Own(fingerprint), *weight));
        Weighted::new(Self::FIELD, profiles.chain(own))
    }

    /// Whether the fingerprint of a session depends on its id.
    pub(super) fn use_id(&self) -> bool {
        self.custom.is_some()
    }

    /// The fingerprint of a new session.
    ///
    /// # Errors
    ///
    /// That of the caller's function; [`Invalid`] where it answered a header that is none.
    pub(crate) fn choose(&self, id: &SessionId) -> Result<Fingerprint, BoxError> {
        if let Some(choose) = &self.custom {
            let fingerprint = choose(id)?;
            check_headers(&fingerprint)?;
            return Ok(fingerprint);
        }
        Ok(match self.choices()?.choose() {
            Choice::Profile(profile) => profile.fingerprint(&self.languages),
            Choice::Own(fingerprint) => Fingerprint::clone(fingerprint),
        })
    }
}

/// # Errors
///
/// [`Invalid`], naming `fingerprint.headers`: a name or a value cannot stand in a request.
fn check_headers(fingerprint: &Fingerprint) -> Result<(), Invalid> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_name = |name: &str| !name.is_empty() && name.chars().all(is_token);
    let is_value = |value: &str| value.chars().all(|c| c == '\t' || !c.is_control());
    match fingerprint.headers.iter().find(|(name, value)| !is_name(name) || !is_value(value)) {
        Some((name, _)) => {
            let rule = "must be names of headers (RFC 9110, 5.1), with values on one line";
            Err(Invalid::new("fingerprint.headers", format_args!("{name:?} with its value"), rule))
        }
        None => Ok(()),
    }
}

impl fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.custom {
            Some(_) => write!(f, "Fingerprints(function)"),
            None => write!(f, "Fingerprints({} built-in, {} others)", self.profiles.len(), self.own.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::identity::{Browser, Platform};

    fn own(name: &str, value: &str) -> Fingerprint {
        Fingerprint { headers: vec![(name.to_owned(), value.to_owned())], ..Fingerprint::default() }
    }

    fn choose(fingerprints: &Fingerprints) -> Fingerprint {
        fingerprints.check().unwrap();
        fingerprints.choose(&SessionId::generate()).unwrap()
    }

    #[test]
    fn all_built_in_ones_come_and_a_filter_leaves_those_it_wants() {
        let chosen = |fingerprints: &Fingerprints| {
            let text = |f: &Fingerprint, key: &str| f.attributes[key].as_str().unwrap().to_owned();
            (0..20_000)
                .map(|_| choose(fingerprints))
                .map(|f| text(&f, "browser") + " " + &text(&f, "platform"))
                .collect::<HashSet<_>>()
        };
        assert_eq!(chosen(&Fingerprints::built_in()).len(), 11);
        let phones = chosen(&Fingerprints::built_in().only(BrowserProfile::is_mobile));
        assert_eq!(phones, HashSet::from(["chrome android".to_owned(), "safari ios".to_owned()]));
        let one = Fingerprints::built_in()
            .only(|profile| profile.browser == Browser::Firefox)
            .only(|profile| profile.platform == Platform::Linux);
        assert_eq!(chosen(&one), HashSet::from(["firefox linux".to_owned()]));
    }

    #[test]
    fn weights_are_rough_shares_and_own_ones_have_theirs() {
        let built_in: u64 = Fingerprints::built_in().profiles.iter().map(|(_, weight)| weight).sum();
        assert_eq!(built_in, Fingerprints::BUILT_IN_WEIGHT);
        let half = Fingerprints::built_in().with(own("user-agent", "mine"), Fingerprints::BUILT_IN_WEIGHT);
        let mine = (0..4000).filter(|_| choose(&half).attributes.is_empty()).count();
        // Ten standard deviations.
        assert!((1684..=2316).contains(&mine), "{mine}");
    }

    #[test]
    fn a_set_that_is_none_is_refused() {
        let of = |fingerprints: Fingerprints| fingerprints.check().unwrap_err();
        assert_eq!(of(Fingerprints::empty()).to_string(), "fingerprints is empty: must be at least one");
        assert_eq!(of(Fingerprints::built_in().only(|_| false)).field, "fingerprints");
        assert_eq!(of(Fingerprints::built_in().with(own("a", "b"), 0)).field, "fingerprints");
        assert_eq!(of(Fingerprints::built_in().with(own("a", "b"), u64::MAX)).field, "fingerprints");
        assert_eq!(of(Fingerprints::built_in().languages(["en_US"])).field, "languages");
        assert_eq!(of(Fingerprints::built_in().languages([""; 0])).field, "languages");
        for (name, value) in [("", "x"), ("user agent", "x"), ("a:", "x"), ("a", "x\r\nb: y"), ("a", "\0")] {
            let error = of(Fingerprints::empty().with(own(name, value), 1));
            assert_eq!(error.field, "fingerprint.headers", "{name} {value}");
        }
        let function = || Fingerprints::from_fn(|_| Ok(Fingerprint::default()));
        function().check().unwrap();
        for both in
            [function().with(own("a", "b"), 1), function().languages(["en"]), function().only(|_| true)]
        {
            assert_eq!(of(both).field, "fingerprints");
        }
    }

    #[test]
    fn a_function_gets_the_id_and_its_headers_are_checked() {
        let fingerprints = Fingerprints::from_fn(|id| Ok(own("x-session", id.as_str())));
        let id = SessionId::generate();
        assert_eq!(fingerprints.choose(&id).unwrap(), own("x-session", id.as_str()));
        let fingerprints = Fingerprints::from_fn(|_| Ok(own("a", "x\r\nb: y")));
        assert!(fingerprints.choose(&id).unwrap_err().is::<Invalid>());
    }
}
