//! Tasks that one process does at a time.

use super::Stores;

pub(super) async fn suite(stores: Stores<'_>) {
    a_task_is_held_by_one_until_its_time_is_over(stores).await;
}

async fn a_task_is_held_by_one_until_its_time_is_over(stores: Stores<'_>) {
    let hold = async |task: &str, holder: &str, now: i64, until: i64| {
        stores.upkeep.hold_task(task, holder, now, until).await.expect("hold")
    };
    assert!(hold("sweep", "a", 1_000, 2_000).await);
    assert!(!hold("sweep", "b", 1_500, 2_500).await, "another one holds it");
    assert!(hold("polish", "b", 1_500, 2_500).await, "each task has its own holder");
    assert!(hold("sweep", "a", 1_600, 3_000).await, "who holds it may go on");
    assert!(!hold("sweep", "b", 2_999, 4_000).await);
    assert!(hold("sweep", "b", 3_000, 4_000).await, "its time is over");
    assert!(!hold("sweep", "a", 3_500, 5_000).await);
}
