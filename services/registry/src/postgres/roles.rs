//! Roles for those who need less than the owner of the tables. They can't log in; people grant them to users.

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::Result;

/// May read what is written for people.
const READER: &str = "rfe_reader";
/// May do what the metadata and scheduler roles do, and neither create nor change tables.
const WRITER: &str = "rfe_writer";
/// What is written for people: not the ledger, nor what runs remember.
const FOR_PEOPLE: [&str; 9] = [
    "sources",
    "ingestion_runs",
    "ingestion_schemas",
    "ingestion_failures",
    "ingestion_run_summary",
    "data_files",
    "schedules",
    "schedule_firings",
    "registry_state",
];
/// The lock of those who grant.
const GRANTS: i64 = 0x7266_655f_6772_6e74;
const MIGRATIONS: &str = "_sqlx_migrations";

/// Makes the roles if the user may, and grants them what they need, also of tables that are new.
pub(super) async fn set_up(pool: &PgPool) -> Result<()> {
    let may_create: bool =
        sqlx::query_scalar("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
            .fetch_one(pool)
            .await?;
    for role in [READER, WRITER] {
        if exists(pool, role).await? || may_create && create(pool, role).await? {
            grant(pool, role).await?;
        } else {
            tracing::warn!(
                role,
                "the user may not create roles, so this one is left out; create it and run `rfe migrate` again"
            );
        }
    }
    Ok(())
}

async fn exists(pool: &PgPool, role: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)";
    Ok(sqlx::query_scalar(sql).bind(role).fetch_one(pool).await?)
}

// Roles are of the whole cluster: the migration of another database may make the same one at the same time.
async fn create(pool: &PgPool, role: &str) -> Result<bool> {
    match sqlx::query(AssertSqlSafe(format!("CREATE ROLE {role} NOLOGIN"))).execute(pool).await {
        Ok(_) => Ok(true),
        Err(_) if exists(pool, role).await? => Ok(true),
        Err(error) => Err(error.into()),
    }
}

// Grants of the same table at the same time are an error, so one process grants at a time.
async fn grant(pool: &PgPool, role: &str) -> Result<()> {
    let mut transaction = pool.begin().await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(GRANTS);
    lock.execute(&mut *transaction).await?;
    for statement in statements(&mut transaction, role).await? {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn statements(connection: &mut PgConnection, role: &str) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    let (schema, may_enter): (String, bool) = sqlx::query_as(
        "SELECT quote_ident(current_schema()), has_schema_privilege($1, current_schema(), 'USAGE')",
    )
    .bind(role)
    .fetch_one(&mut *connection)
    .await?;
    // Of `public`, only its owner could grant what everybody has anyway.
    if !may_enter {
        statements.push(format!("GRANT USAGE ON SCHEMA {schema} TO {role}"));
    }
    if role == READER {
        statements.push(format!("GRANT SELECT ON {} TO {role}", FOR_PEOPLE.join(", ")));
    } else {
        let tables = own_tables(connection).await?.join(", ");
        statements.push(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role}"));
        statements.push(format!("GRANT SELECT ON {MIGRATIONS}, ingestion_run_summary TO {role}"));
    }
    Ok(statements)
}

async fn own_tables(connection: &mut PgConnection) -> Result<Vec<String>> {
    let sql = "SELECT quote_ident(tablename) FROM pg_tables
        WHERE schemaname = current_schema() AND tableowner = current_user AND tablename <> $1 ORDER BY tablename";
    Ok(sqlx::query_scalar(sql).bind(MIGRATIONS).fetch_all(connection).await?)
}
