//! The whole of it, on a screen that is none.
