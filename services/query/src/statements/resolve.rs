//! From the names in a statement to relations in the engine, at one snapshot.

use std::sync::Arc;

use rfe_model::name::nearest;
use rfe_proto::metadata::{Layer, ResolvedDataset};

use super::Statements;
use crate::{
    catalog::{META, name_of},
    engine::{Attached, Relations, View, on_large_stack},
    error::QueryError,
    gate::{Gated, Space, Table},
    information::{self, Described},
    parameters::Parameters,
    pruning::Pruning,
    relation,
};

/// Relations of a statement at a snapshot.
#[derive(Debug, Default)]
pub struct Resolved {
    /// The snapshot; 0 if the statement reads no dataset.
    pub snapshot: u64,
    /// What it sees.
    pub relations: Relations,
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
        for table in gated.tables.iter().filter(|table| matches!(table.space, Space::Main | Space::Raw)) {
            let Some(dataset) = datasets.iter().find(|dataset| name_of(dataset) == table.name) else {
                return Err(self.unknown(&table.name).await);
            };
            let sql = match need {
                Need::Columns => relation::nothing(&match table.space {
                    Space::Raw => relation::raw_columns(dataset)?,
                    _ => relation::main_columns(dataset)?,
                }),
                Need::Rows(parameters) => {
                    self.view(gated, table, (dataset.as_ref(), resolved.snapshot), parameters).await?
                }
            };
            resolved.relations.views.push(View {
                schema: table.space.schema(),
                name: table.name.clone(),
                sql,
            });
        }
        Ok(resolved)
    }

    async fn view(
        &self,
        gated: &Gated,
        table: &Table,
        (dataset, snapshot): (&ResolvedDataset, u64),
        parameters: &Parameters,
    ) -> Result<String, QueryError> {
        let lake = self.0.lake.as_ref();
        if table.space == Space::Raw {
            let files = self.catalog().files(dataset, snapshot, Layer::Raw).await?;
            self.0.files.read(files.all().len());
            return relation::raw_view(dataset, &files.all().iter().collect::<Vec<_>>(), lake);
        }
        let files = self.catalog().files(dataset, snapshot, Layer::Processed).await?;
        let places = gated.places.iter().filter(|(named, _)| named == table).map(|(_, place)| place);
        let columns = relation::prunable(dataset)?;
        let pruning = Pruning::of(gated, &places.collect::<Vec<_>>(), &columns, parameters, self.0.zone);
        let needed = files.all().iter().filter(|file| pruning.needs(file)).collect::<Vec<_>>();
        let pruned = files.all().len() - needed.len();
        self.0.files.read(needed.len());
        self.0.files.pruned(pruned);
        tracing::debug!(dataset = %table.name, read = needed.len(), pruned, "files of a statement");
        relation::main_view(dataset, &needed, lake)
    }

    /// A database with the relations; `rows` false leaves the tables of `meta` empty.
    pub(super) async fn attach(&self, resolved: &Resolved, rows: bool) -> Result<Arc<Attached>, QueryError> {
        let engine = Arc::clone(&self.0.engine);
        let relations = resolved.relations.clone();
        let attached = on_large_stack("attach", move || engine.attach(&relations)).await?;
        for (schema, table) in &resolved.relations.filled {
            match *schema {
                "meta" => self.fill_meta(&attached, table, rows).await?,
                _ => self.fill_information(&attached, table).await?,
            }
        }
        Ok(attached)
    }

    /// Every table with its columns.
    pub async fn all_tables(&self) -> Result<Vec<Described>, QueryError> {
        let mut all = Vec::new();
        for dataset in &self.catalog().all().await? {
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
        for table in META {
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

    async fn fill_information(&self, attached: &Arc<Attached>, table: &str) -> Result<(), QueryError> {
        let batch = information::rows(table, &self.all_tables().await?)?;
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
