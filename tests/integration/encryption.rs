//! Encryption: what a store and its archives keep of their sessions can be read with the key only.

use std::fs;
use std::path::Path;

use session_pool::archive::{ArchiveError, ArchiveOptions, ArchiveReader};
use session_pool::recovery::{RecoveryOptions, repair, restore};
use session_pool::{
    Cookie, EncryptionKey, Error, Growth, SessionOptions, SessionPool, SessionStore, SledStoreOptions,
    StoreError,
};

use crate::support::{Place, assert_sound, id, named};

const SECRET: &str = "this-is-a-secret";

fn key(byte: u8) -> EncryptionKey {
    EncryptionKey::from_bytes(&[byte; 32])
}

fn with(key: &EncryptionKey) -> SledStoreOptions {
    SledStoreOptions::new().encryption_key(key)
}

fn open(path: &Path, options: SledStoreOptions) -> SessionPool {
    let store = SessionStore::builder().options(options).open(path).unwrap();
    SessionPool::builder().growth(Growth::Manual).open_in(&store).unwrap()
}

fn secret_session(name: &str) -> SessionOptions {
    SessionOptions {
        proxy: Some(format!("http://u:{SECRET}@proxy.example:1").parse().unwrap()),
        ..named(name).user_data("token", SECRET).cookie(Cookie::new("sid", SECRET, "example.com"))
    }
}

/// Every file below a directory in which the secret stands.
fn leaks(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut leaks = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            leaks.append(&mut self::leaks(&path));
        } else if fs::read(&path).unwrap().windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()) {
            leaks.push(path);
        }
    }
    leaks
}

#[test]
fn no_secret_stands_in_any_file_of_an_encrypted_store_and_all_come_back_with_the_key() {
    let place = Place::disk();
    for run in 0..3 {
        let pool = open(&place.path(), with(&key(1)));
        let large = pool.add(secret_session(&format!("s{run}"))).unwrap();
        large.set_user_data("large", SECRET.repeat(10_000)).unwrap();
        pool.flush().unwrap();
        pool.session_store().checkpoint().unwrap();
        let session = pool.get(&id("s0")).unwrap();
        assert_eq!(session.user_data::<String>("token").unwrap().unwrap(), SECRET);
        assert_eq!(session.user_data::<String>("large").unwrap().unwrap().len(), SECRET.len() * 10_000);
        assert_eq!(session.state().unwrap().cookies[0].value, SECRET);
    }
    assert_eq!(leaks(&place.path()), Vec::<std::path::PathBuf>::new());
    assert_sound(&with(&key(1)).open(place.path()).unwrap());
    // The harness of this test can fail.
    let clear = Place::disk();
    open(&clear.path(), SledStoreOptions::new()).add(secret_session("a")).unwrap();
    assert!(!leaks(&clear.path()).is_empty());
}

#[test]
fn a_key_that_does_not_fit_is_a_typed_error_and_nothing_is_touched() {
    let (encrypted, clear) = (Place::disk(), Place::disk());
    drop(open(&encrypted.path(), with(&key(1))).add(secret_session("a")).unwrap());
    drop(open(&clear.path(), SledStoreOptions::new()).add(secret_session("a")).unwrap());
    let before = fs::read(encrypted.path().join("engine/db")).unwrap();
    let error = with(&key(2)).open(encrypted.path()).unwrap_err();
    assert!(matches!(error, StoreError::WrongKey { .. }), "{error}");
    let error = SledStoreOptions::new().open(encrypted.path()).unwrap_err();
    assert!(matches!(error, StoreError::KeyNeeded { .. }), "{error}");
    let error = with(&key(1)).open(clear.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotEncrypted { .. }), "{error}");
    assert!(before == fs::read(encrypted.path().join("engine/db")).unwrap());

    // Also where only the payloads themselves can tell.
    fs::remove_file(encrypted.path().join("STORE")).unwrap();
    let into = encrypted.path().with_file_name("into");
    let read =
        |key: &EncryptionKey| RecoveryOptions::new().read_with(ArchiveOptions::new().encryption_key(key));
    let error = repair(encrypted.path(), &into, read(&key(2))).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::WrongKey { .. })), "{error}");
    let error = repair(encrypted.path(), &into, RecoveryOptions::new()).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::KeyNeeded { .. })), "{error}");
    assert!(!into.exists());
    let report = repair(encrypted.path(), &into, read(&key(1)).write_with(with(&key(3)))).unwrap();
    assert!(report.lost.is_empty() && report.live == 1);
    assert!(open(&into, with(&key(3))).get(&id("a")).is_ok());
}

#[test]
fn an_archive_is_encrypted_as_its_store_is_and_a_store_is_rewritten_under_another_key() {
    let place = Place::disk();
    let file = place.path().with_file_name("a.archive");
    let pool = open(&place.path(), with(&key(1)));
    pool.add(secret_session("a")).unwrap();
    pool.session_store().backup_to(&file).unwrap();
    drop(pool);
    assert!(leaks(place.path().parent().unwrap()).is_empty());
    let read = |options: &ArchiveOptions| ArchiveReader::open(&file, options).map(drop).unwrap_err();
    assert!(matches!(read(&ArchiveOptions::new()), ArchiveError::KeyNeeded));
    assert!(matches!(read(&ArchiveOptions::new().encryption_key(&key(2))), ArchiveError::WrongKey));

    let rotated = place.path().with_file_name("rotated");
    let options = RecoveryOptions::new().read_with(ArchiveOptions::new().encryption_key(&key(1)));
    restore(&file, &rotated, options.write_with(with(&key(2)))).unwrap();
    assert!(leaks(&rotated).is_empty());
    assert!(with(&key(1)).open(&rotated).is_err());
    let pool = open(&rotated, with(&key(2)));
    assert_eq!(pool.get(&id("a")).unwrap().user_data::<String>("token").unwrap().unwrap(), SECRET);
}

#[test]
fn a_payload_put_in_the_place_of_another_is_not_taken_for_it() {
    let place = Place::disk();
    let pool = open(&place.path(), with(&key(1)));
    pool.add(secret_session("a")).unwrap();
    pool.add(named("b")).unwrap();
    drop(pool);
    {
        let engine = crate::support::engine(&place);
        let payloads = engine.open_tree("payloads").unwrap();
        let key = |id: &str| [&[0; 4][..], id.as_bytes(), &[0; 4]].concat();
        let of_a = payloads.get(key("a")).unwrap().unwrap();
        payloads.insert(key("b"), of_a).unwrap();
    }
    let pool = open(&place.path(), with(&key(1)));
    assert!(pool.get(&id("a")).unwrap().state().is_ok());
    let error = pool.get(&id("b")).unwrap().state().unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Unreadable(_))), "{error}");
}

#[test]
fn a_damaged_encrypted_archive_yields_its_other_items() {
    let place = Place::disk();
    let pool = open(&place.path(), with(&key(1)));
    for n in 0..50 {
        pool.add(secret_session(&format!("s{n}"))).unwrap();
    }
    let mut bytes = Vec::new();
    pool.session_store().backup(&mut bytes).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    let options = ArchiveOptions::new().encryption_key(&key(1));
    let reader = ArchiveReader::new(bytes.as_slice(), &options).unwrap();
    let (good, bad): (Vec<_>, Vec<_>) = reader.partition(Result::is_ok);
    assert_eq!(good.len(), 50, "a pool and 49 sessions");
    assert!(matches!(bad.as_slice(), [Err(ArchiveError::Damaged { .. })]), "{bad:?}");
}
