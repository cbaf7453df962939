//! A database inside the instance that holds views over exactly the tables of a statement. Statements of the same views share
//! one; it is detached once nobody uses it and others are newer.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use super::identifier;
use crate::{
    duck::{Database, DuckError, Session},
    relation::arrow_to_sql,
};

const MAX_IDLE: usize = 64;
// Of all their views' texts: a view over many files has a long one.
const MAX_IDLE_BYTES: usize = 32 << 20;

/// A view of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// Its schema.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// The query behind it.
    pub sql: String,
}

/// What a statement sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Relations {
    /// Views over files.
    pub views: Vec<View>,
    /// Names of tables that are filled for this statement alone, by schema.
    pub filled: Vec<(&'static str, String)>,
}

impl Relations {
    fn bytes(&self) -> usize {
        self.views.iter().map(|view| view.sql.len()).sum()
    }
}

/// A database of views.
pub struct Attached {
    name: String,
    database: Arc<Database>,
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attached").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Attached {
    fn make(database: &Arc<Database>, name: String, relations: &Relations) -> Result<Self, DuckError> {
        let session = database.connect()?;
        session.execute(&format!("ATTACH ':memory:' AS {name}"))?;
        // From here on, dropping detaches.
        let attached = Self { name, database: Arc::clone(database) };
        let mut made: Vec<&str> = vec!["main"];
        let schemas = relations
            .views
            .iter()
            .map(|view| view.schema)
            .chain(relations.filled.iter().map(|(schema, _)| *schema));
        for schema in schemas {
            if !made.contains(&schema) {
                session.execute(&format!("CREATE SCHEMA {}.{schema}", attached.name))?;
                made.push(schema);
            }
        }
        for view in &relations.views {
            let name = identifier(&view.name);
            session
                .execute(&format!("CREATE VIEW {}.{}.{name} AS {}", attached.name, view.schema, view.sql))?;
        }
        Ok(attached)
    }

    /// A session in which the views are at hand.
    pub fn session(&self) -> Result<Session, DuckError> {
        let session = self.database.connect()?;
        session.execute(&format!("USE {}", self.name))?;
        Ok(session)
    }

    /// Makes a table with the columns of an Arrow schema.
    pub fn create_table(&self, schema: &str, table: &str, columns: &Schema) -> Result<(), DuckError> {
        let mut sql = format!("CREATE TABLE {}.{schema}.{} (", self.name, identifier(table));
        for (at, field) in columns.fields().iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            let _infallible =
                write!(sql, "{comma}{} {}", identifier(field.name()), arrow_to_sql(field.data_type())?);
        }
        self.database.connect()?.execute(&format!("{sql})"))
    }

    /// Appends rows to such a table.
    pub fn append(&self, schema: &str, table: &str, batch: RecordBatch) -> Result<(), DuckError> {
        self.database.append(&self.name, schema, table, batch)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let detached =
            self.database.connect().and_then(|session| session.execute(&format!("DETACH {}", self.name)));
        if let Err(error) = detached {
            tracing::warn!(%error, name = self.name, "a database of views could not be detached");
        }
    }
}

#[derive(Debug, Default)]
struct Slot {
    used: AtomicU64,
    attached: Mutex<Option<Arc<Attached>>>,
}

/// Databases by the views they hold.
#[derive(Debug, Default)]
pub struct Cache {
    number: AtomicU64,
    slots: Mutex<HashMap<Relations, Arc<Slot>>>,
}

impl Cache {
    /// The database with these relations.
    pub fn get(&self, database: &Arc<Database>, relations: &Relations) -> Result<Arc<Attached>, DuckError> {
        let now = self.number.fetch_add(1, Ordering::Relaxed);
        let make = || Attached::make(database, format!("q{now}"), relations).map(Arc::new);
        if !relations.filled.is_empty() {
            return make();
        }
        let slot = self.slot(relations, now);
        let mut attached = slot.attached.lock().unwrap_or_else(PoisonError::into_inner);
        match &*attached {
            Some(attached) => Ok(Arc::clone(attached)),
            None => Ok(Arc::clone(attached.insert(make()?))),
        }
    }

    fn slot(&self, relations: &Relations, now: u64) -> Arc<Slot> {
        let mut evicted = Vec::new();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(slots.entry(relations.clone()).or_default());
        slot.used.store(now, Ordering::Relaxed);
        let mut bytes = slots.keys().map(Relations::bytes).sum::<usize>();
        while slots.len() > MAX_IDLE || (bytes > MAX_IDLE_BYTES && slots.len() > 1) {
            let oldest = slots
                .iter()
                .min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed))
                .map(|(key, _)| key.clone());
            bytes -= oldest.as_ref().map_or(0, Relations::bytes);
            evicted.extend(oldest.and_then(|key| slots.remove(&key)));
        }
        // Detaching waits for the engine; others need not wait for that.
        drop(slots);
        drop(evicted);
        slot
    }
}
