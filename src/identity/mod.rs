//! Who a new session is to the sites: the proxy it goes out through, and the browser it plays. Both are chosen once, when
//! the session comes into being, and stored with it.
//!
//! Nothing here knows a pool or a store.

mod browsers;
mod fingerprints;
mod languages;
mod proxies;
mod session_name;
mod versions;
mod weighted;

pub use browsers::{Browser, BrowserProfile, Platform};
pub use fingerprints::Fingerprints;
pub use proxies::Proxies;
pub use session_name::SessionNameRule;

use crate::session::{Invalid, SessionOptions};

/// What a pool was given to choose from for its new sessions.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    pub(crate) proxies: Option<Proxies>,
    pub(crate) fingerprints: Option<Fingerprints>,
}

impl Identities {
    /// Whether they can serve a pool whose sessions are made from `options`: no session gets one of either kind twice.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `session_options.proxy`, `session_options.fingerprint` or what of the fingerprints breaks its
    /// rule.
    pub(crate) fn check(&self, options: &SessionOptions) -> Result<(), Invalid> {
        if let (Some(_), Some(proxy)) = (&self.proxies, &options.proxy) {
            let rule = "must not be given where the pool has proxies";
            return Err(Invalid::new("session_options.proxy", proxy, rule));
        }
        if let Some(fingerprints) = &self.fingerprints {
            if options.fingerprint.is_some() {
                let rule = "must not be given where the pool has fingerprints";
                return Err(Invalid::new("session_options.fingerprint", "given", rule));
            }
            fingerprints.check()?;
        }
        Ok(())
    }

    /// Whether what a session gets depends on its id.
    pub(crate) fn use_id(&self) -> bool {
        self.proxies.as_ref().is_some_and(Proxies::use_id)
            || self.fingerprints.as_ref().is_some_and(Fingerprints::use_id)
    }

    /// Whether the create function has left what a session got, or put something else in its place.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming what is gone: a session without it would be another than the one that logged in.
    pub(crate) fn check_created(&self, options: &SessionOptions) -> Result<(), Invalid> {
        if self.proxies.is_some() && options.proxy.is_none() {
            let rule = "must not be removed by the create function of a pool that has proxies";
            return Err(Invalid::new("proxy", "None", rule));
        }
        if self.fingerprints.is_some() && options.fingerprint.is_none() {
            let rule = "must not be removed by the create function of a pool that has fingerprints";
            return Err(Invalid::new("fingerprint", "None", rule));
        }
        Ok(())
    }
}
