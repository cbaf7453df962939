//! From the names in a statement to relations in the engine, at one snapshot.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rfe_lake::Bucket;
use rfe_mesh::{Caller, caller::Reach};
use rfe_model::name::nearest;
use rfe_proto::metadata::{Layer, ResolvedDataset};

use super::Statements;
use crate::{
    access::Held,
    catalog::{META, name_of},
    engine::{Attached, Relations, View, on_large_stack},
    error::QueryError,
    files::{File, Files},
    gate::{Gated, Space, Table},
    information::{self, Described},
    parameters::Parameters,
    pruning::Pruning,
    reach, relation,
};

/// Relations of a statement at a snapshot.
#[derive(Debug, Default)]
pub struct Resolved {
    /// The snapshot; 0 if the statement reads no dataset.
    pub snapshot: u64,
    /// What it sees.
    pub relations: Relations,
    /// The files behind it.
    pub held: Held,
    /// How long it took to know which files those are; that they came to hand is not in it.
    pub took: Duration,
}

// A table of a statement with the files that the statement needs of it.
struct Read<'a> {
    table: &'a Table,
    dataset: &'a ResolvedDataset,
    files: Arc<Files>,
    // Places in `files`.
    needed: Vec<usize>,
}

impl Read<'_> {
    fn bucket(&self) -> Bucket {
        if self.table.space == Space::Raw { Bucket::Raw } else { Bucket::Processed }
    }

    fn files(&self) -> Vec<&File> {
        self.needed.iter().filter_map(|at| self.files.all().get(*at)).map(Arc::as_ref).collect()
    }

    fn view(&self, paths: &[String]) -> Result<View, QueryError> {
        let files = self.files();
        let sql = match self.table.space {
            Space::Raw => relation::raw_view(self.dataset, &files, paths)?,
            _ => relation::main_view(self.dataset, &files, paths)?,
        };
        Ok(View { schema: self.table.space.schema(), name: self.table.name.clone(), sql })
    }
}

/// How much of its tables a statement needs.
#[derive(Debug, Clone, Copy)]
pub enum Need<'a> {
    /// Their columns.
    Columns,
    /// The rows that it reads with these values bound.
    Rows(&'a Parameters),
}

impl Statements {
    /// Looks the statement's tables up; snapshot 0 is the newest.
    pub(super) async fn resolve(
        &self,
        gated: &Gated,
        snapshot: u64,
        need: Need<'_>,
    ) -> Result<Resolved, QueryError> {
        let begun = Instant::now();
        let mut resolved = Resolved::default();
        let mut names = Vec::new();
        for table in &gated.tables {
            match table.space {
                Space::Main | Space::Raw if !names.contains(&table.name) => names.push(table.name.clone()),
                Space::Main | Space::Raw => {}
                Space::Meta | Space::Information => resolved.relations.filled.push(filled(table)?),
            }
        }
        if names.is_empty() {
            return Ok(resolved);
        }
        resolved.snapshot = if snapshot == 0 { self.catalog().newest().await? } else { snapshot };
        let datasets = self.catalog().datasets(resolved.snapshot, &names).await?;
        let mut reads = Vec::new();
        for table in gated.tables.iter().filter(|table| matches!(table.space, Space::Main | Space::Raw)) {
            let Some(dataset) = datasets.iter().find(|dataset| name_of(dataset) == table.name) else {
                return Err(self.unknown(&table.name).await);
            };
            match need {
                Need::Columns => resolved.relations.views.push(without_rows(table, dataset)?),
                Need::Rows(parameters) => {
                    reads.push(self.read(gated, table, (dataset, resolved.snapshot), parameters).await?);
                }
            }
        }
        if reads.is_empty() {
            return Ok(resolved);
        }
        resolved.took = begun.elapsed();
        let files = reads.iter().flat_map(|read| read.files().into_iter().map(|file| (read.bucket(), file)));
        resolved.held = self.0.access.hold(&files.collect::<Vec<_>>()).await?;
        let mut paths = resolved.held.paths.as_slice();
        for read in &reads {
            let (own, rest) = paths.split_at(read.needed.len());
            resolved.relations.views.push(read.view(own)?);
            paths = rest;
        }
        Ok(resolved)
    }

    // Which files of a table the statement needs.
    async fn read<'a>(
        &self,
        gated: &Gated,
        table: &'a Table,
        (dataset, snapshot): (&'a ResolvedDataset, u64),
        parameters: &Parameters,
    ) -> Result<Read<'a>, QueryError> {
        self.0.queried.note(&table.name);
        let layer = if table.space == Space::Raw { Layer::Raw } else { Layer::Processed };
        let files = self.catalog().files(dataset, snapshot, layer).await?;
        let all = 0..files.all().len();
        let needed = if layer == Layer::Raw {
            all.collect::<Vec<_>>()
        } else {
            let places = gated.places.iter().filter(|(named, _)| named == table).map(|(_, place)| place);
            let columns = relation::prunable(dataset)?;
            let pruning = Pruning::of(gated, &places.collect::<Vec<_>>(), &columns, parameters, self.0.zone);
            all.filter(|at| files.all().get(*at).is_some_and(|file| pruning.needs(file))).collect()
        };
        let pruned = files.all().len() - needed.len();
        self.0.files.read(needed.len());
        self.0.files.pruned(pruned);
        tracing::debug!(dataset = %table.name, read = needed.len(), pruned, "files of a statement");
        Ok(Read { table, dataset, files, needed })
    }

    /// A database with the relations; `rows` false leaves the tables of `meta` empty.
    pub(super) async fn attach(
        &self,
        resolved: &Resolved,
        rows: bool,
        caller: &Caller,
    ) -> Result<Arc<Attached>, QueryError> {
        let engine = Arc::clone(&self.0.engine);
        let relations = resolved.relations.clone();
        let attached = on_large_stack("attach", move || engine.attach(&relations)).await?;
        for (schema, table) in &resolved.relations.filled {
            match *schema {
                "meta" => self.fill_meta(&attached, table, rows).await?,
                _ => self.fill_information(&attached, table, caller).await?,
            }
        }
        Ok(attached)
    }

    /// Every table that a caller may see, with its columns.
    pub async fn all_tables(&self, caller: &Caller) -> Result<Vec<Described>, QueryError> {
        let reach = reach::of(caller);
        let mut all = Vec::new();
        let datasets = self.catalog().all().await?;
        for dataset in datasets.iter().filter(|dataset| reach.has(name_of(dataset))) {
            let name = dataset.dataset.as_ref().map(|dataset| dataset.name.clone()).unwrap_or_default();
            let columns = |columns: Vec<relation::Shown>| {
                columns.into_iter().map(|(name, kind)| (name, kind.to_string())).collect()
            };
            all.push(Described {
                schema: "main",
                name: name.clone(),
                columns: columns(relation::main_columns(dataset)?),
            });
            all.push(Described { schema: "raw", name, columns: columns(relation::raw_columns(dataset)?) });
        }
        let meta = if reach == Reach::All { &META[..] } else { &[] };
        for table in meta.iter().copied() {
            let schema = self.catalog().scan(table).await?.schema()?;
            let kind = |field: &arrow_schema::FieldRef| {
                let kind = relation::arrow_to_sql(field.data_type())
                    .map_err(|error| QueryError::Internal(error.0))?;
                Ok::<_, QueryError>((field.name().clone(), kind))
            };
            let columns = schema.fields().iter().map(kind).collect::<Result<_, _>>()?;
            all.push(Described { schema: "meta", name: table.to_owned(), columns });
        }
        Ok(all)
    }

    async fn fill_meta(&self, attached: &Arc<Attached>, table: &str, rows: bool) -> Result<(), QueryError> {
        let mut scan = self.catalog().scan(table).await?;
        let columns = scan.schema()?;
        self.blocking(attached, table, move |attached, table| attached.create_table("meta", table, &columns))
            .await?;
        while let Some(batch) = if rows { scan.next().await? } else { None } {
            self.blocking(attached, table, move |attached, table| attached.append("meta", table, batch))
                .await?;
        }
        Ok(())
    }

    async fn fill_information(
        &self,
        attached: &Arc<Attached>,
        table: &str,
        caller: &Caller,
    ) -> Result<(), QueryError> {
        let batch = information::rows(table, &self.all_tables(caller).await?)?;
        let schema = Space::Information.schema();
        self.blocking(attached, table, move |attached, table| {
            attached.create_table(schema, table, &batch.schema())?;
            attached.append(schema, table, batch)
        })
        .await
    }

    async fn blocking(
        &self,
        attached: &Arc<Attached>,
        table: &str,
        work: impl FnOnce(&Attached, &str) -> Result<(), crate::duck::DuckError> + Send + 'static,
    ) -> Result<(), QueryError> {
        let (attached, table) = (Arc::clone(attached), table.to_owned());
        let done = tokio::task::spawn_blocking(move || work(&attached, &table)).await;
        done.map_err(|error| QueryError::Internal(error.to_string()))?
            .map_err(|error| self.0.engine.failed(&error))
    }

    async fn unknown(&self, name: &str) -> QueryError {
        let all = match self.catalog().all().await {
            Ok(all) => all,
            Err(error) => return error,
        };
        let datasets = all.iter().filter_map(|dataset| Some(dataset.dataset.as_ref()?.name.clone()));
        let names = datasets.chain(META.map(|table| format!("meta.{table}"))).collect::<Vec<_>>();
        let bare = names.iter().map(String::as_str).find(|known| known.strip_prefix("meta.") == Some(name));
        no_table(name, bare.or_else(|| nearest(name, names.iter().map(String::as_str))))
    }
}

fn without_rows(table: &Table, dataset: &ResolvedDataset) -> Result<View, QueryError> {
    let columns = match table.space {
        Space::Raw => relation::raw_columns(dataset)?,
        _ => relation::main_columns(dataset)?,
    };
    let sql = relation::nothing(&columns);
    Ok(View { schema: table.space.schema(), name: table.name.clone(), sql })
}

fn filled(table: &Table) -> Result<(&'static str, String), QueryError> {
    let known: &[&str] = if table.space == Space::Meta { &META } else { &information::TABLES };
    if known.contains(&table.name.as_str()) {
        return Ok((table.space.schema(), table.name.clone()));
    }
    let schema = if table.space == Space::Meta { "meta" } else { "information_schema" };
    let like = nearest(&table.name, known.iter().copied()).map(|name| format!("{schema}.{name}"));
    Err(no_table(&format!("{schema}.{}", table.name), like.as_deref()))
}

fn no_table(name: &str, like: Option<&str>) -> QueryError {
    let like = like.map(|like| format!(" did you mean `{like}`?")).unwrap_or_default();
    QueryError::Invalid(format!("table `{name}` does not exist;{like} `rfe datasets` lists the datasets"))
}
