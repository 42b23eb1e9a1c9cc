//! How much writing a change is: it says after how many of them the disk is to be synced.

/// How much may be written between two syncs of the disk, in bytes as the engine writes them. It takes for durable what it
/// has handed to the system: where it wrote more than a segment of its log (512 KiB) since the last sync, it could use
/// again a segment whose values it has only just written elsewhere, and a power cut lose both.
pub(crate) const UNSYNCED: usize = 256 << 10;

/// How many bytes a session adds to that which is used, so that its record changes. Each change is written, and the leaf
/// that it is in every tenth time. The same for the entry of a pool.
pub(crate) const USED: usize = 400;

/// How many one adds that comes or goes, which the indexes and the log hear of too.
pub(crate) const COMES_OR_GOES: usize = 2000;

/// How often a payload is written, about.
pub(crate) const PAYLOAD: usize = 3;
