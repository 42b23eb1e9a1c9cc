//! Which browsers are about.
//!
//! This table ages: a browser that nobody runs any more stands out. To bring it up to date, take the stable versions of the
//! day from the browsers' release notes into [`MAJORS`], look whether the system that Safari tells on an iPhone, which is
//! frozen, has changed ([`IPHONE`]), and run the tests: they hold that everything agrees. What is stored with sessions stays
//! as it is.

use super::browsers::{Browser, Platform};

/// Stable versions, with their weights among those of the browser. Of November 2025 to January 2026.
pub(super) const MAJORS: [(Browser, u32, u32, u64); 6] = [
    (Browser::Chrome, 143, 0, 2),
    (Browser::Chrome, 142, 0, 1),
    (Browser::Edge, 143, 0, 2),
    (Browser::Edge, 142, 0, 1),
    (Browser::Firefox, 145, 0, 1),
    (Browser::Safari, 26, 2, 1),
];

/// Which browser runs on what, with rough shares of the market in thousandths: pages seen all over the world, of these
/// alone. They are no statistics to rely on.
pub(super) const PROFILES: [(Browser, Platform, u64); 11] = [
    (Browser::Chrome, Platform::Windows, 230),
    (Browser::Chrome, Platform::MacOs, 50),
    (Browser::Chrome, Platform::Linux, 15),
    (Browser::Chrome, Platform::Android, 410),
    (Browser::Edge, Platform::Windows, 50),
    (Browser::Edge, Platform::MacOs, 5),
    (Browser::Firefox, Platform::Windows, 18),
    (Browser::Firefox, Platform::MacOs, 4),
    (Browser::Firefox, Platform::Linux, 3),
    (Browser::Safari, Platform::MacOs, 35),
    (Browser::Safari, Platform::Ios, 180),
];

/// What Safari tells of its system on an iPhone, whatever it is.
pub(super) const IPHONE: &str = "iPhone; CPU iPhone OS 18_7 like Mac OS X";
