//! What session-pool promises, one module a subject. Names of tests and messages name the rule (R-n) or the invariant
//! (I-n) that they hold; the crate's documentation lists both.

mod smoke;
