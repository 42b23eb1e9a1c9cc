//! What a proxy vendor takes as the name of a session.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::session::{Invalid, SessionId};

/// What a proxy vendor takes as the name of a session, by which it knows which requests go out from the same address.
///
/// | rule | names | how many derived ones |
/// |---|---|---|
/// | [`APIFY`](Self::APIFY) | `^[\w._~]+$`, 50 characters at most | every id fits |
/// | [`GEONODE`](Self::GEONODE) | `^[A-Za-z0-9_]{1,25}$` | 2^64 |
/// | [`EVOMI`](Self::EVOMI) | 6 to 10 letters and digits | 36^10, about 2^51.7 |
/// | [`SCRAPER_API`](Self::SCRAPER_API) | a whole number | 2^31 - 1 |
/// | [`custom`](Self::custom) | lengths and characters of your own | a^l: a characters, l the greatest length; 2^64 at most |
///
/// A session's id that fits is its name. The ids that a pool makes have 32 characters and do not fit everywhere: there the
/// name is derived from the id, the same one each time. It is the id's hash (FNV-1a with 64 bits, then the finaliser of
/// `MurmurHash3`), written in digits of the rule's alphabet (of `0-9a-z` where the rule is a vendor's, since it may not tell
/// capitals apart), with the least significant digit last, in as many of them as it takes for the whole hash, or as fit.
/// For a whole number it is what is left of the hash divided by 2^31 - 1, plus 1.
///
/// So two sessions may get the same name, and with it the same address. Among `s` sessions the chance that any two do is
/// about `s² / 2n`, where `n` is the number of names: of 1000 sessions, 1 in 4300 for `SCRAPER_API`, 1 in 7 thousand million
/// for `EVOMI`, and for `GEONODE` 1 in 37 million million.
///
/// ```
/// use session_pool::{SessionId, SessionNameRule};
///
/// let id: SessionId = "01a205549d4f7057a9bb985239832f51".parse()?;
/// assert_eq!(SessionNameRule::APIFY.name_of(&id), id.as_str());
/// assert_eq!(SessionNameRule::EVOMI.name_of(&id).len(), 10);
/// assert_eq!(SessionNameRule::SCRAPER_API.name_of(&"42".parse()?), "42");
/// # Ok::<(), session_pool::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionNameRule {
    min_length: usize,
    max_length: usize,
    /// What a name may be made of.
    alphabet: Cow<'static, str>,
    /// What derived names are made of.
    digits: Cow<'static, str>,
    is_number: bool,
}

impl SessionNameRule {
    const LETTERS_AND_DIGITS: &'static str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const LOWER_CASE: &'static str = "0123456789abcdefghijklmnopqrstuvwxyz";
    /// The most that a vendor's whole number is taken to hold.
    const MAX_NUMBER: u64 = (1 << 31) - 1;

    /// 1 to 50 characters of `A-Z a-z 0-9 . _ ~`, and no hyphen: the rule for ids.
    pub const APIFY: Self = Self::of(
        1..=50,
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._~",
        Self::LOWER_CASE,
        false,
    );
    /// 1 to 25 characters of `A-Z a-z 0-9 _`.
    pub const GEONODE: Self = Self::of(
        1..=25,
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_",
        Self::LOWER_CASE,
        false,
    );
    /// 6 to 10 characters of `A-Z a-z 0-9`.
    pub const EVOMI: Self = Self::of(6..=10, Self::LETTERS_AND_DIGITS, Self::LOWER_CASE, false);
    /// A whole number from 0 to 2147483647, without zeros in front: the vendor says no more than that it is one.
    pub const SCRAPER_API: Self = Self::of(1..=10, "0123456789", "0123456789", true);

    /// The most characters that a rule of your own may allow.
    pub const MAX_LENGTH: usize = 255;

    const fn of(
        lengths: RangeInclusive<usize>,
        alphabet: &'static str,
        digits: &'static str,
        is_number: bool,
    ) -> Self {
        Self {
            min_length: *lengths.start(),
            max_length: *lengths.end(),
            alphabet: Cow::Borrowed(alphabet),
            digits: Cow::Borrowed(digits),
            is_number,
        }
    }

    /// A rule of your own: how many characters, from 1 to 255, and which ones, at least two of `A-Z a-z 0-9 - . _ ~`,
    /// which mean nothing in a URL.
    ///
    /// # Errors
    ///
    /// [`Invalid`], naming `lengths` or `alphabet`.
    pub fn custom(lengths: RangeInclusive<usize>, alphabet: impl Into<String>) -> Result<Self, Invalid> {
        let alphabet = alphabet.into();
        let (min_length, max_length) = lengths.into_inner();
        if min_length == 0 || min_length > max_length || max_length > Self::MAX_LENGTH {
            let value = format_args!("{min_length} to {max_length}");
            return Err(Invalid::new("lengths", value, "must be from 1 to 255, and not the wrong way round"));
        }
        let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let repeats = alphabet.char_indices().any(|(at, c)| alphabet[..at].contains(c));
        if alphabet.len() < 2 || repeats || !alphabet.chars().all(is_unreserved) {
            let rule = "must be at least two characters of A-Z a-z 0-9 - . _ ~, each once";
            return Err(Invalid::new("alphabet", format_args!("{alphabet:?}"), rule));
        }
        let digits = Cow::Owned(alphabet.clone());
        Ok(Self { min_length, max_length, alphabet: Cow::Owned(alphabet), digits, is_number: false })
    }

    /// The name of a session: its id where that fits, otherwise one derived from it.
    pub fn name_of(&self, id: &SessionId) -> String {
        let id = id.as_str();
        if self.fits(id) { id.to_owned() } else { self.derive(hash(id.as_bytes())) }
    }

    fn fits(&self, name: &str) -> bool {
        let fits = (self.min_length..=self.max_length).contains(&name.len())
            && name.chars().all(|c| self.alphabet.contains(c));
        // `007` and `7` are one number.
        let is_small = || name.parse::<u64>().is_ok_and(|number| number <= Self::MAX_NUMBER);
        fits && (!self.is_number || name == "0" || !name.starts_with('0') && is_small())
    }

    fn derive(&self, hash: u64) -> String {
        if self.is_number {
            return (hash % Self::MAX_NUMBER + 1).to_string();
        }
        let digits = self.digits.as_bytes();
        let base = digits.len() as u64;
        // As many digits as the greatest hash has.
        let mut length = 0;
        let mut rest = u64::MAX;
        while rest > 0 {
            rest /= base;
            length += 1;
        }
        let length = self.max_length.min(self.min_length.max(length));
        let mut name = vec![0; length];
        let mut rest = hash;
        for character in name.iter_mut().rev() {
            #[expect(clippy::cast_possible_truncation, reason = "below the number of characters")]
            let digit = (rest % base) as usize;
            *character = digits[digit];
            rest /= base;
        }
        // Only ASCII gets in: see `custom`.
        String::from_utf8(name).unwrap_or_default()
    }
}

/// FNV-1a with 64 bits, then the finaliser of `MurmurHash3`, so that each bit of the text counts in each of the hash. It
/// stays as it is: it is documented.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn id(text: &str) -> SessionId {
        text.parse().unwrap()
    }

    fn rules() -> [SessionNameRule; 5] {
        let custom = SessionNameRule::custom(12..=12, "AB-").unwrap();
        [
            SessionNameRule::APIFY,
            SessionNameRule::GEONODE,
            SessionNameRule::EVOMI,
            SessionNameRule::SCRAPER_API,
            custom,
        ]
    }

    #[test]
    fn an_id_that_fits_is_the_name() {
        let fitting = [
            (SessionNameRule::APIFY, ["a", "01a205549d4f7057a9bb985239832f51", "a._~Z9"]),
            (SessionNameRule::GEONODE, ["a", "user_42", "ABCDEFGHIJKLMNOPQRSTUVWXY"]),
            (SessionNameRule::EVOMI, ["abcdef", "ABC123xyz", "0123456789"]),
            (SessionNameRule::SCRAPER_API, ["0", "42", "2147483647"]),
        ];
        for (rule, names) in fitting {
            for name in names {
                assert_eq!(rule.name_of(&id(name)), name);
            }
        }
    }

    #[test]
    fn an_id_that_does_not_fit_has_a_name_that_does() {
        let others = [
            (SessionNameRule::GEONODE, ["a.b", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]),
            (SessionNameRule::EVOMI, ["abcde", "user_42"]),
            (SessionNameRule::SCRAPER_API, ["007", "2147483648"]),
        ];
        for (rule, names) in others {
            for name in names {
                let derived = rule.name_of(&id(name));
                assert!(derived != name && rule.fits(&derived), "{derived}");
            }
        }
        for rule in rules() {
            for _ in 0..1000 {
                let name = rule.name_of(&SessionId::generate());
                assert!(rule.fits(&name), "{name} for {rule:?}");
            }
        }
    }

    #[test]
    fn derived_names_are_the_same_in_every_version() {
        let id = id("01a205549d4f7057a9bb985239832f51");
        let names: Vec<String> = rules().iter().map(|rule| rule.name_of(&id)).collect();
        assert_eq!(
            names,
            ["01a205549d4f7057a9bb985239832f51", "3rj5281lctil7", "5281lctil7", "1156589987", "-BB---AABA-B"]
        );
    }

    #[test]
    fn the_names_of_many_sessions_differ() {
        for (rule, shared) in
            [(SessionNameRule::GEONODE, 0), (SessionNameRule::EVOMI, 0), (SessionNameRule::SCRAPER_API, 3)]
        {
            let names: HashSet<String> = (0..20_000).map(|_| rule.name_of(&SessionId::generate())).collect();
            assert!(20_000 - names.len() <= shared, "{}", names.len());
        }
    }

    #[test]
    fn a_rule_that_is_none_is_refused() {
        for lengths in [0..=5, RangeInclusive::new(3, 2), 1..=256] {
            assert_eq!(SessionNameRule::custom(lengths, "ab").unwrap_err().field, "lengths");
        }
        for alphabet in ["", "a", "aa", "abca", "ab:", "ab/", "ab%", "ab@", "äb"] {
            assert_eq!(SessionNameRule::custom(1..=5, alphabet).unwrap_err().field, "alphabet");
        }
    }
}
