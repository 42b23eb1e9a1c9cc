use session_pool::*;
#[test]
fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let pool = SessionPool::open(&path).unwrap();
    let sub = pool.retirements();
    let l = pool.acquire().unwrap();
    l.set_user_data("k", 5).unwrap();
    let id = *l.id();
    println!("{:?}", l.reclaim().unwrap());
    let s = pool.get(&id).unwrap();
    println!("{:?}", s.state().unwrap());
    println!("{:?}", s.retire().unwrap());
    println!("{:?}", sub.recv_timeout(std::time::Duration::from_secs(5)));
    drop(s);
    drop(sub);
    let l2 = pool.acquire().unwrap();
    let _ = l2.reclaim();
    pool.close().unwrap();
    drop(pool);
    let t = std::time::Instant::now();
    let pool = SessionPool::open(&path).unwrap();
    println!("{:?} {:?} {:?}", t.elapsed(), pool.open_report(), pool.stats());
    println!("{:?}", pool.get(&id).unwrap().state().unwrap());
    println!("{:?}", pool.retirement_log(Sequence::START).collect::<Vec<_>>());
}
