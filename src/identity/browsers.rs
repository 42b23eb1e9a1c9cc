//! What browsers send, by their kind, their version and what they run on: see [`MAJORS`] and [`PROFILES`].

use super::languages::accept_language;
use super::versions::{IPHONE, MAJORS, PROFILES};
use crate::session::Fingerprint;

/// A browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Browser {
    /// Google Chrome.
    Chrome,
    /// Microsoft Edge.
    Edge,
    /// Mozilla Firefox.
    Firefox,
    /// Apple Safari.
    Safari,
}

/// What a browser runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// Windows, 64 bits.
    Windows,
    /// A Mac.
    MacOs,
    /// Linux, on a desktop.
    Linux,
    /// An Android phone.
    Android,
    /// An iPhone.
    Ios,
}

/// One browser of one version on one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BrowserProfile {
    /// The browser.
    pub browser: Browser,
    /// What it runs on.
    pub platform: Platform,
    /// Its major version.
    pub major: u32,
    /// Its minor version, where sites are told of it: Safari's.
    pub minor: u32,
}

/// Every profile there is, with its weight.
pub(super) fn built_in() -> Vec<(BrowserProfile, u64)> {
    let mut profiles = Vec::new();
    for (browser, platform, share) in PROFILES {
        let majors = MAJORS.iter().filter(|(of, ..)| *of == browser);
        // Six can be shared out among one, two or three versions.
        let all: u64 = majors.clone().map(|(.., weight)| weight).sum();
        for (_, major, minor, weight) in majors {
            let profile = BrowserProfile { browser, platform, major: *major, minor: *minor };
            profiles.push((profile, share * 6 * weight / all));
        }
    }
    profiles
}

impl Browser {
    /// Its name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Edge => "edge",
            Self::Firefox => "firefox",
            Self::Safari => "safari",
        }
    }
}

impl Platform {
    /// Its name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::MacOs => "macos",
            Self::Linux => "linux",
            Self::Android => "android",
            Self::Ios => "ios",
        }
    }

    /// Whether it is a phone's.
    pub const fn is_mobile(self) -> bool {
        matches!(self, Self::Android | Self::Ios)
    }

    /// As client hints name it.
    const fn hint(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::MacOs => "macOS",
            Self::Linux => "Linux",
            Self::Android => "Android",
            Self::Ios => "iOS",
        }
    }
}

impl BrowserProfile {
    /// Whether it runs on a phone.
    pub const fn is_mobile(&self) -> bool {
        self.platform.is_mobile()
    }

    /// Its version, as sites are told.
    pub fn version(&self) -> String {
        match self.browser {
            Browser::Safari => format!("{}.{}", self.major, self.minor),
            _ => self.major.to_string(),
        }
    }

    /// The header `user-agent`. Versions of systems are the frozen ones that browsers send wherever they run.
    pub fn user_agent(&self) -> String {
        let (system, major, version) = (self.system(), self.major, self.version());
        let mobile = if self.is_mobile() { "Mobile " } else { "" };
        match self.browser {
            Browser::Chrome | Browser::Edge => {
                let edge =
                    if self.browser == Browser::Edge { format!(" Edg/{major}.0.0.0") } else { String::new() };
                format!(
                    "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/{major}.0.0.0 {mobile}Safari/537.36{edge}"
                )
            }
            Browser::Firefox => {
                format!("Mozilla/5.0 ({system}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0")
            }
            Browser::Safari => {
                let build = if self.is_mobile() { "Mobile/15E148 Safari/604.1" } else { "Safari/605.1.15" };
                format!(
                    "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version} {build}"
                )
            }
        }
    }

    fn system(&self) -> &'static str {
        match (self.platform, self.browser) {
            (Platform::Windows, _) => "Windows NT 10.0; Win64; x64",
            (Platform::MacOs, Browser::Firefox) => "Macintosh; Intel Mac OS X 10.15",
            (Platform::MacOs, _) => "Macintosh; Intel Mac OS X 10_15_7",
            (Platform::Linux, _) => "X11; Linux x86_64",
            (Platform::Android, _) => "Linux; Android 10; K",
            (Platform::Ios, _) => IPHONE,
        }
    }

    /// The header `sec-ch-ua`; `None` for a browser that sends no client hints.
    ///
    /// Chromium puts a third brand that does not exist among them, and shuffles the three, both by its major version
    /// (`user_agent_utils.cc`).
    fn brands(&self) -> Option<String> {
        const CHARACTERS: [&str; 11] = [" ", "(", ":", "-", ".", "/", ")", ";", "=", "?", "_"];
        const VERSIONS: [&str; 3] = ["8", "99", "24"];
        const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let brand = match self.browser {
            Browser::Chrome => "Google Chrome",
            Browser::Edge => "Microsoft Edge",
            Browser::Firefox | Browser::Safari => return None,
        };
        let (major, seed) = (self.major, self.major as usize);
        let (first, second) = (CHARACTERS[seed % 11], CHARACTERS[(seed + 1) % 11]);
        let brands = [
            format!("\"Not{first}A{second}Brand\";v=\"{}\"", VERSIONS[seed % 3]),
            format!("\"Chromium\";v=\"{major}\""),
            format!("\"{brand}\";v=\"{major}\""),
        ];
        let mut shuffled = brands.clone();
        for (brand, place) in brands.into_iter().zip(ORDERS[seed % 6]) {
            shuffled[place] = brand;
        }
        Some(shuffled.join(", "))
    }

    /// What it sends when somebody enters an address.
    pub(super) fn fingerprint(&self, languages: &[String]) -> Fingerprint {
        let user_agent = ("user-agent", self.user_agent());
        let language = ("accept-language", accept_language(self.browser, self.major, languages));
        let text = |name, value: &str| (name, value.to_owned());
        let (site, mode) = (text("sec-fetch-site", "none"), text("sec-fetch-mode", "navigate"));
        let (user, dest) = (text("sec-fetch-user", "?1"), text("sec-fetch-dest", "document"));
        let upgrade = text("upgrade-insecure-requests", "1");
        let accept = text("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        let headers = match (self.browser, self.brands()) {
            (Browser::Firefox, _) => vec![user_agent, accept, language, upgrade, dest, mode, site, user],
            (Browser::Safari, _) => vec![dest, user_agent, accept, site, mode, language],
            (_, brands) => vec![
                ("sec-ch-ua", brands.unwrap_or_default()),
                text("sec-ch-ua-mobile", if self.is_mobile() { "?1" } else { "?0" }),
                ("sec-ch-ua-platform", format!("\"{}\"", self.platform.hint())),
                upgrade,
                user_agent,
                text(
                    "accept",
                    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;\
                     q=0.8,application/signed-exchange;v=b3;q=0.7",
                ),
                site,
                mode,
                user,
                dest,
                language,
            ],
        };
        let attributes = [
            ("browser", self.browser.as_str().into()),
            ("version", self.version().into()),
            ("platform", self.platform.as_str().into()),
            ("mobile", self.is_mobile().into()),
        ];
        Fingerprint {
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(fingerprint: &'a Fingerprint, name: &str) -> Option<&'a str> {
        fingerprint.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn in_every_profile_everything_agrees() {
        let profiles = built_in();
        assert_eq!(profiles.len(), 17);
        for (profile, weight) in profiles {
            assert!(weight > 0);
            let fingerprint = profile.fingerprint(&["en-US".to_owned(), "en".to_owned()]);
            let user_agent = header(&fingerprint, "user-agent").unwrap();
            let (in_system, hint) = match profile.platform {
                Platform::Windows => ("(Windows NT 10.0; Win64; x64", "\"Windows\""),
                Platform::MacOs => ("(Macintosh; Intel Mac OS X 10", "\"macOS\""),
                Platform::Linux => ("(X11; Linux x86_64", "\"Linux\""),
                Platform::Android => ("(Linux; Android 10; K)", "\"Android\""),
                Platform::Ios => ("(iPhone; CPU iPhone OS 18_7 like Mac OS X)", "none"),
            };
            assert!(user_agent.contains(in_system), "{user_agent}");
            assert_eq!(user_agent.contains("Mobile"), profile.is_mobile(), "{user_agent}");
            let major = profile.major;
            let (product, brand) = match profile.browser {
                Browser::Chrome => (format!(" Chrome/{major}.0.0.0 "), Some("Google Chrome")),
                Browser::Edge => (format!(" Edg/{major}.0.0.0"), Some("Microsoft Edge")),
                Browser::Firefox => (format!("; rv:{major}.0) Gecko/20100101 Firefox/{major}.0"), None),
                Browser::Safari => (format!(" Version/{major}.{} ", profile.minor), None),
            };
            assert!(user_agent.contains(&product), "{user_agent}");
            assert_eq!(user_agent.contains("Edg/"), profile.browser == Browser::Edge);
            match brand {
                Some(brand) => {
                    let brands = header(&fingerprint, "sec-ch-ua").unwrap();
                    for brand in [brand, "Chromium"] {
                        assert!(brands.contains(&format!("\"{brand}\";v=\"{major}\"")), "{brands}");
                    }
                    assert_eq!(brands.matches(";v=").count(), 3);
                    assert_eq!(header(&fingerprint, "sec-ch-ua-platform"), Some(hint));
                    let mobile = if profile.is_mobile() { "?1" } else { "?0" };
                    assert_eq!(header(&fingerprint, "sec-ch-ua-mobile"), Some(mobile));
                }
                None => assert!(fingerprint.headers.iter().all(|(name, _)| !name.starts_with("sec-ch-"))),
            }
            assert_eq!(fingerprint.attributes["browser"], profile.browser.as_str());
            assert_eq!(fingerprint.attributes["platform"], profile.platform.as_str());
            assert_eq!(fingerprint.attributes["mobile"], profile.is_mobile());
            assert!(
                user_agent.contains(&format!("/{}", fingerprint.attributes["version"].as_str().unwrap()))
            );
        }
    }

    #[test]
    fn every_profile_navigates_and_leaves_the_encoding_to_the_client() {
        for (profile, _) in built_in() {
            let fingerprint = profile.fingerprint(&["en".to_owned()]);
            assert_eq!(header(&fingerprint, "sec-fetch-mode"), Some("navigate"));
            assert_eq!(header(&fingerprint, "sec-fetch-dest"), Some("document"));
            assert_eq!(header(&fingerprint, "accept-language"), Some("en"));
            assert_eq!(header(&fingerprint, "accept-encoding"), None);
            let mut names: Vec<&str> = fingerprint.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), fingerprint.headers.len(), "each once");
        }
    }

    #[test]
    fn brands_are_in_the_order_of_their_version() {
        let brands = |major| {
            let profile =
                BrowserProfile { browser: Browser::Chrome, platform: Platform::Linux, major, minor: 0 };
            profile.brands().unwrap()
        };
        // As those versions of Chrome sent them.
        assert_eq!(brands(120), r#""Not_A Brand";v="8", "Chromium";v="120", "Google Chrome";v="120""#);
        assert_eq!(brands(124), r#""Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99""#);
        assert_eq!(brands(131), r#""Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24""#);
    }

    #[test]
    fn headers_are_in_the_order_of_their_browser() {
        let order = |browser| {
            let (profile, _) =
                built_in().into_iter().find(|(profile, _)| profile.browser == browser).unwrap();
            let fingerprint = profile.fingerprint(&["en".to_owned()]);
            fingerprint.headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
        };
        let chromium = "sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform upgrade-insecure-requests user-agent accept \
                        sec-fetch-site sec-fetch-mode sec-fetch-user sec-fetch-dest accept-language";
        assert_eq!(order(Browser::Chrome), chromium);
        assert_eq!(order(Browser::Edge), chromium);
        assert_eq!(
            order(Browser::Firefox),
            "user-agent accept accept-language upgrade-insecure-requests sec-fetch-dest sec-fetch-mode sec-fetch-site \
             sec-fetch-user"
        );
        assert_eq!(
            order(Browser::Safari),
            "sec-fetch-dest user-agent accept sec-fetch-site sec-fetch-mode accept-language"
        );
    }
}
