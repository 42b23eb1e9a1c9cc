//! The hot path allocates nothing.

use session_pool::{Durability, Strategy};

use crate::support::{Place, SECOND, options};

#[test]
fn acquire_and_reclaim_allocate_nothing_in_buffered_mode() {
    for strategy in
        [Strategy::Random, Strategy::RoundRobin, Strategy::LeastRecentlyUsed, Strategy::UntilFailure]
    {
        let pool = Place::disk().open(|b| {
            b.max_pool_size(500)
                .strategy(strategy)
                .session_options(options(|o| {
                    o.max_usage_count = u32::MAX;
                    o.max_error_score = 1e6;
                }))
                .durability(Durability::Buffered { max_delay: SECOND })
        });
        for _ in 0..1000 {
            let _ = pool.acquire().unwrap().reclaim().unwrap();
        }
        pool.flush().unwrap();
        // Only this thread is counted: the committer does allocate. A second and third flush in between change nothing.
        for _ in 0..3 {
            let counted = allocation_counter::measure(|| {
                for _ in 0..2000 {
                    let _ = pool.acquire().unwrap().reclaim().unwrap();
                    let _ = pool.acquire().unwrap().fail().unwrap();
                    drop(pool.acquire().unwrap());
                    pool.acquire().unwrap().session().reclaim().map(drop).unwrap();
                }
            });
            assert_eq!(counted.count_total, 0, "{strategy:?}");
            pool.flush().unwrap();
        }
    }
}
