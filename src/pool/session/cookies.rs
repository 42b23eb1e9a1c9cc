//! The cookies of a session on their way to and from its sites.

use std::sync::atomic::Ordering;

use url::Url;

use super::{LEASED, Session};
use crate::cookies::{self, RejectedCookie};
use crate::error::Result;
use crate::pool::directory::Directory;

/// What responses set, and what requests carry (feature `cookies`).
impl Session {
    /// Takes the cookies that a response from `url` sets, given its `Set-Cookie` headers, and answers which of them were
    /// left out, and why. Where a redirect was followed, each response on the way has a URL of its own.
    ///
    /// The session of a [`Lease`](crate::Lease) commits them with the outcome of its use, in one batch: after a crash the
    /// session has both, or neither. Only where the payload is written for another reason meanwhile, since the session is
    /// new or another part of it was changed, do they go along. Another handle commits them as [`Session::set_cookies`] does.
    /// Where there are more than [`MAX_COOKIES`](crate::MAX_COOKIES), or more than 180 of one domain, or more than fit into
    /// [`MAX_PAYLOAD_LENGTH`](crate::MAX_PAYLOAD_LENGTH), those that were set longest ago go.
    ///
    /// ```
    /// # let pool = session_pool::SessionPool::builder().open_in_memory()?;
    /// let url = "https://shop.example/login".parse()?;
    /// let lease = pool.acquire()?;
    /// let rejected = lease.store_response(&url, ["sid=abc; Secure; HttpOnly", "evil=1; Domain=other.example"])?;
    /// assert_eq!(rejected.len(), 1);
    /// assert_eq!(lease.cookie_header(&url)?.as_deref(), Some("sid=abc"));
    /// lease.reclaim()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Session::set_user_data`].
    pub fn store_response<H: AsRef<[u8]>>(
        &self,
        url: &Url,
        set_cookie_headers: impl IntoIterator<Item = H>,
    ) -> Result<Vec<RejectedCookie>> {
        let awaits_outcome = self.role.load(Ordering::Relaxed) == LEASED;
        let rejected = self.take_response(url, set_cookie_headers)?;
        if !awaits_outcome {
            self.pool.core.settle_durably()?;
        }
        Ok(rejected)
    }

    /// The same, without waiting for the disk.
    pub(crate) fn take_response<H: AsRef<[u8]>>(
        &self,
        url: &Url,
        set_cookie_headers: impl IntoIterator<Item = H>,
    ) -> Result<Vec<RejectedCookie>> {
        let now = self.pool.core.moment().clock;
        let (mut cookies, mut rejected) = (Vec::new(), Vec::new());
        for header in set_cookie_headers {
            match cookies::read(header.as_ref(), url, now) {
                Ok(cookie) => cookies.push(cookie),
                Err(cookie) => rejected.push(cookie),
            }
        }
        if cookies.is_empty() {
            return Ok(rejected);
        }
        let mark = |directory: &mut Directory, slot| {
            // Its role changes under the lock that is held here.
            if self.role.load(Ordering::Relaxed) == LEASED {
                self.awaits_outcome.store(true, Ordering::Relaxed);
            } else {
                directory.mark_payload_dirty(slot);
            }
        };
        self.change_payload_and(mark, |payload, now| {
            let before = payload.cookies.clone();
            for cookie in cookies {
                payload.set_cookie(cookie, now);
            }
            if payload.cookies == before { Ok(None) } else { cookies::fit(payload, now).map(Some) }
        })?;
        Ok(rejected)
    }

    /// The value of the `Cookie` header that a request to `url` is to carry; `None` where it has no cookies.
    ///
    /// # Errors
    ///
    /// As [`Session::state`].
    pub fn cookie_header(&self, url: &Url) -> Result<Option<String>> {
        let now = || self.pool.core.moment().clock;
        Ok(cookies::header(&self.payload()?.cookies, url, now))
    }
}
