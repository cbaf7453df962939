//! Schedules and their firings.

use async_trait::async_trait;
use rfe_model::time;
use rfe_proto::scheduler::{Firing, MisfirePolicy, OverlapPolicy, Schedule, schedule::Timing};
use sqlx::{QueryBuilder, Row as _};

use super::{
    again::again,
    driver::{Connection, Db, Instant, Registry, Row},
    text::{plain, stored},
    words,
};
use crate::{Page, Result, ScheduleStore, WaitingFiring};

const MISSED: &str = "missed";
/// So many firings of a schedule are remembered.
const KEPT: i64 = 1_000;

const SCHEDULES: &str =
    "SELECT schedule_id, source_name, every_micros, cron, timezone, overlap, misfire, paused, declared,
    next_fire_at, last_fire_at, created_at FROM schedules WHERE schedule_id ";

const WAITING: &str = "SELECT firing_id, schedule_id, scheduled_at, job_id, outcome, waiting FROM (
        SELECT firing_id, schedule_id, scheduled_at, job_id, outcome,
            count(*) OVER (PARTITION BY schedule_id) AS waiting,
            row_number() OVER (PARTITION BY schedule_id ORDER BY scheduled_at, seq) AS turn
        FROM schedule_firings WHERE outcome = 'buffered'
    ) AS buffered WHERE turn = 1 ORDER BY schedule_id";

#[async_trait]
impl ScheduleStore for Registry {
    async fn put_schedule(&self, schedule: &Schedule) -> Result<()> {
        again(|| async {
            let mut transaction = self.write().await?;
            put(&mut transaction, schedule).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn schedule(&self, id: &str) -> Result<Option<Schedule>> {
        again(|| async {
            let mut query = QueryBuilder::<Db>::new(SCHEDULES);
            query.push("= ").push_bind(stored(id));
            let row = query.build().fetch_optional(&mut *self.reader().await?).await?;
            row.as_ref().map(from_row).transpose()
        })
        .await
    }

    async fn schedules(&self, source: Option<&str>, page: &Page) -> Result<Vec<Schedule>> {
        again(|| async {
            let mut query = QueryBuilder::<Db>::new(SCHEDULES);
            query.push("> ").push_bind(stored(page.after.as_deref().unwrap_or_default()));
            if let Some(source) = source {
                query.push(" AND source_name = ").push_bind(stored(source));
            }
            query.push(" ORDER BY schedule_id LIMIT ").push_bind(i64::from(page.limit));
            query.build().fetch_all(&mut *self.reader().await?).await?.iter().map(from_row).collect()
        })
        .await
    }

    async fn delete_schedule(&self, id: &str) -> Result<()> {
        again(|| async {
            let mut transaction = self.write().await?;
            for sql in [
                "DELETE FROM schedules WHERE schedule_id = $1",
                "DELETE FROM schedule_firings WHERE schedule_id = $1",
            ] {
                sqlx::query(sql).bind(stored(id)).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn fired(
        &self,
        schedule: &str,
        firings: &[Firing],
        next: Option<prost_types::Timestamp>,
    ) -> Result<()> {
        again(|| async {
            let mut transaction = self.write().await?;
            fire(&mut transaction, schedule, firings, next.as_ref()).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn settle_firing(&self, firing: &Firing) -> Result<()> {
        again(|| async {
            let mut transaction = self.write().await?;
            note(&mut transaction, firing).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    async fn waiting(&self) -> Result<Vec<WaitingFiring>> {
        again(|| async {
            let rows = sqlx::query(WAITING).fetch_all(&mut *self.reader().await?).await?;
            let waiting = |row: &Row| {
                Ok(WaitingFiring { firing: firing_from_row(row)?, count: words::unsigned(row, "waiting")? })
            };
            rows.iter().map(waiting).collect()
        })
        .await
    }

    async fn firings(&self, schedule: &str, page: &Page) -> Result<Vec<Firing>> {
        again(|| async {
            let mut query = firings_of(schedule, page);
            query.build().fetch_all(&mut *self.reader().await?).await?.iter().map(firing_from_row).collect()
        })
        .await
    }
}

fn firings_of(schedule: &str, page: &Page) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT firing_id, schedule_id, scheduled_at, job_id, outcome FROM schedule_firings WHERE schedule_id = ",
    );
    query.push_bind(stored(schedule));
    if let Some(after) = page.after.as_deref() {
        query.push(
            " AND (scheduled_at, seq) < (SELECT scheduled_at, seq FROM schedule_firings WHERE firing_id = ",
        );
        query.push_bind(stored(after)).push(")");
    }
    query.push(" ORDER BY scheduled_at DESC, seq DESC LIMIT ").push_bind(i64::from(page.limit));
    query
}

// The schedule moves first, and so is held while its firings are noted.
async fn fire(
    connection: &mut Connection,
    schedule: &str,
    firings: &[Firing],
    next: Option<&prost_types::Timestamp>,
) -> Result<()> {
    let last = firings.iter().filter(|firing| firing.outcome != MISSED);
    let last = last.filter_map(|firing| words::micros(firing.scheduled_time.as_ref())).max();
    let sql = "UPDATE schedules SET next_fire_at = $3, last_fire_at =
        CASE WHEN $2 IS NULL OR last_fire_at > $2 THEN last_fire_at ELSE $2 END WHERE schedule_id = $1";
    sqlx::query(sql)
        .bind(stored(schedule))
        .bind(last)
        .bind(words::micros(next))
        .execute(&mut *connection)
        .await?;
    for firing in firings {
        note(connection, firing).await?;
    }
    prune(connection, schedule).await
}

// Only so many firings of a schedule are remembered. Those that wait are not forgotten.
async fn prune(connection: &mut Connection, schedule: &str) -> Result<()> {
    let sql = "DELETE FROM schedule_firings WHERE schedule_id = $1 AND outcome <> 'buffered' AND seq <=
        (SELECT seq FROM schedule_firings WHERE schedule_id = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)";
    sqlx::query(sql).bind(stored(schedule)).bind(KEPT).execute(connection).await?;
    Ok(())
}

async fn put(connection: &mut Connection, schedule: &Schedule) -> Result<()> {
    let (every, cron) = match &schedule.timing {
        Some(Timing::Every(every)) => (Some(every.seconds * 1_000_000 + i64::from(every.nanos) / 1000), None),
        Some(Timing::Cron(cron)) => (None, Some(cron.as_str())),
        None => (None, None),
    };
    let sql = "INSERT INTO schedules (schedule_id, source_name, every_micros, cron, timezone, overlap, misfire, paused,
            declared, next_fire_at, last_fire_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (schedule_id) DO UPDATE SET source_name = $2, every_micros = $3, cron = $4, timezone = $5, overlap = $6,
            misfire = $7, paused = $8, declared = $9, next_fire_at = $10, last_fire_at = $11";
    sqlx::query(sql)
        .bind(stored(&schedule.schedule_id))
        .bind(stored(&schedule.source))
        .bind(every)
        .bind(cron.map(stored))
        .bind(stored(&schedule.timezone))
        .bind(overlap_text(schedule.overlap()))
        .bind(misfire_text(schedule.misfire()))
        .bind(schedule.paused)
        .bind(schedule.declared)
        .bind(words::micros(schedule.next_fire_time.as_ref()))
        .bind(words::micros(schedule.last_fire_time.as_ref()))
        .bind(words::micros(schedule.created_time.as_ref()).unwrap_or_else(words::now))
        .execute(connection)
        .await?;
    Ok(())
}

async fn note(connection: &mut Connection, firing: &Firing) -> Result<()> {
    let sql = "INSERT INTO schedule_firings (firing_id, schedule_id, scheduled_at, job_id, outcome) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (firing_id) DO UPDATE SET job_id = $4, outcome = $5";
    sqlx::query(sql)
        .bind(stored(&firing.firing_id))
        .bind(stored(&firing.schedule_id))
        .bind(words::micros(firing.scheduled_time.as_ref()).unwrap_or(Instant(0)))
        .bind(stored(&firing.job_id))
        .bind(stored(&firing.outcome))
        .execute(connection)
        .await?;
    Ok(())
}

fn overlap_text(overlap: OverlapPolicy) -> &'static str {
    match overlap {
        OverlapPolicy::Unspecified | OverlapPolicy::Skip => "skip",
        OverlapPolicy::BufferOne => "buffer_one",
        OverlapPolicy::BufferAll => "buffer_all",
    }
}

fn overlap_from(text: &str) -> OverlapPolicy {
    match text {
        "buffer_one" => OverlapPolicy::BufferOne,
        "buffer_all" => OverlapPolicy::BufferAll,
        _ => OverlapPolicy::Skip,
    }
}

fn misfire_text(misfire: MisfirePolicy) -> &'static str {
    match misfire {
        MisfirePolicy::Skip => "skip",
        MisfirePolicy::Unspecified | MisfirePolicy::Latest => "latest",
        MisfirePolicy::All => "all",
    }
}

fn misfire_from(text: &str) -> MisfirePolicy {
    match text {
        "skip" => MisfirePolicy::Skip,
        "all" => MisfirePolicy::All,
        _ => MisfirePolicy::Latest,
    }
}

fn from_row(row: &Row) -> Result<Schedule> {
    let every = row.try_get::<Option<i64>, _>("every_micros")?.map(|micros| {
        let at = time::proto_from_micros(micros);
        Timing::Every(prost_types::Duration { seconds: at.seconds, nanos: at.nanos })
    });
    Ok(Schedule {
        schedule_id: words::text(row, "schedule_id")?,
        source: words::text(row, "source_name")?,
        timing: every.or(row.try_get::<Option<String>, _>("cron")?.map(plain).map(Timing::Cron)),
        timezone: words::text(row, "timezone")?,
        overlap: overlap_from(row.try_get("overlap")?).into(),
        misfire: misfire_from(row.try_get("misfire")?).into(),
        paused: row.try_get("paused")?,
        declared: row.try_get("declared")?,
        next_fire_time: words::instant(row, "next_fire_at")?,
        last_fire_time: words::instant(row, "last_fire_at")?,
        created_time: words::instant(row, "created_at")?,
    })
}

fn firing_from_row(row: &Row) -> Result<Firing> {
    Ok(Firing {
        firing_id: words::text(row, "firing_id")?,
        schedule_id: words::text(row, "schedule_id")?,
        scheduled_time: words::instant(row, "scheduled_at")?,
        job_id: words::text(row, "job_id")?,
        outcome: words::text(row, "outcome")?,
    })
}
