//! Tasks that one process does at a time.

use async_trait::async_trait;

use super::{
    again::again,
    driver::{Instant, Registry},
};
use crate::{Result, TaskStore};

#[async_trait]
impl TaskStore for Registry {
    async fn hold_task(&self, task: &str, holder: &str, now_micros: i64, until_micros: i64) -> Result<bool> {
        again(|| async {
            let mut transaction = self.write().await?;
            let sql = "INSERT INTO held_tasks (task, holder, held_until) VALUES ($1, $2, $3)
                ON CONFLICT (task) DO UPDATE SET holder = $2, held_until = $3
                WHERE held_tasks.holder = $2 OR held_tasks.held_until <= $4";
            let changed = sqlx::query(sql)
                .bind(task)
                .bind(holder)
                .bind(Instant(until_micros))
                .bind(Instant(now_micros))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(changed > 0)
        })
        .await
    }
}
