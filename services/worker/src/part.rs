//! One Parquet file, written row group by row group and hashed on the way.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use polars::prelude::PolarsResult;
use polars_parquet::write::FileWriter;
use rfe_proto::metadata::ColumnStats;
use sha2::{Digest as _, Sha256};

use crate::{
    encode::{Encoded, Form, PartField, arrow_schema, write_group},
    stats::Bounds,
};

/// A finished file.
#[derive(Debug)]
pub(crate) struct WrittenPart {
    pub path: PathBuf,
    pub fields: Vec<PartField>,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
    pub stats: Vec<ColumnStats>,
}

/// A file in the making. It holds no rows.
pub(crate) struct PartWriter {
    path: PathBuf,
    fields: Vec<PartField>,
    form: Form,
    file: FileWriter<HashingFile>,
    bytes: Arc<AtomicU64>,
    rows: u64,
    bounds: Vec<Bounds>,
    // Constants by the height of the row group: most groups are alike.
    constants: HashMap<usize, Vec<Encoded>>,
}

impl std::fmt::Debug for PartWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartWriter")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl PartWriter {
    pub fn create(path: &Path, fields: &[PartField], form: Form) -> PolarsResult<Self> {
        let bytes = Arc::new(AtomicU64::new(0));
        let file = HashingFile {
            file: BufWriter::with_capacity(1 << 20, File::create(path)?),
            hash: (form != Form::Spilled).then(Sha256::new),
            bytes: bytes.clone(),
        };
        let file = FileWriter::try_new(file, arrow_schema(fields), form.options())?;
        Ok(Self {
            path: path.to_owned(),
            bounds: fields.iter().map(|_| Bounds::default()).collect(),
            fields: fields.to_vec(),
            form,
            file,
            bytes,
            rows: 0,
            constants: HashMap::new(),
        })
    }

    /// The fields that it was made for.
    pub fn fields(&self) -> &[PartField] {
        &self.fields
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes a row group: columns of the fields that are not constant, in their order. `scratch` is where their pages wait.
    pub fn write(&mut self, rows: usize, varying: &[&Encoded], scratch: Option<&File>) -> PolarsResult<()> {
        self.encode_constants(rows)?;
        let constants = self.constants.get(&rows).map_or(&[][..], Vec::as_slice);
        let (mut varying, mut constants) = (varying.iter().copied(), constants.iter());
        let mut columns = Vec::with_capacity(self.fields.len());
        for (field, bounds) in self.fields.iter().zip(&mut self.bounds) {
            let column = if field.constant.is_some() { constants.next() } else { varying.next() };
            bounds.merge(column.map(|column| &column.bounds));
            columns.extend(column);
        }
        write_group(&mut self.file, rows, &columns, scratch)?;
        self.rows += rows as u64;
        Ok(())
    }

    /// Writes the footer.
    pub fn finish(mut self) -> PolarsResult<WrittenPart> {
        self.file.end(None)?;
        let mut file = self.file.into_inner();
        file.flush()?;
        let stats = self
            .fields
            .iter()
            .zip(self.bounds)
            .filter_map(|(field, bounds)| Some(bounds.stats(field.id?, &field.dtype, self.rows)))
            .collect();
        Ok(WrittenPart {
            path: self.path,
            fields: self.fields,
            rows: self.rows,
            bytes: self.bytes.load(Ordering::Relaxed),
            sha256: file.hash.map(|hash| hex::encode(hash.finalize())).unwrap_or_default(),
            stats,
        })
    }

    fn encode_constants(&mut self, rows: usize) -> PolarsResult<()> {
        if self.constants.contains_key(&rows) {
            return Ok(());
        }
        let columns = self.fields.iter().filter_map(|field| field.constant.as_ref());
        let columns: PolarsResult<_> =
            columns.map(|column| Encoded::of(&column.new_from_index(0, rows), self.form)).collect();
        self.constants.insert(rows, columns?);
        Ok(())
    }
}

struct HashingFile {
    file: BufWriter<File>,
    // A file that is only read back needs none.
    hash: Option<Sha256>,
    bytes: Arc<AtomicU64>,
}

impl Write for HashingFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..written]);
        }
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;
    use polars_parquet::read::read_metadata;

    use super::*;
    use crate::encode::encode;

    fn text(name: &str, value: &str) -> Column {
        Column::new_scalar(name.into(), Scalar::from(PlSmallStr::from_str(value)), 1)
    }

    fn written(folder: &Path, form: Form) -> (DataFrame, WrittenPart) {
        let rows = 1000i64;
        let kind = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        let mut frame = df!(
            "n" => (0..rows).map(|n| (n % 7 != 0).then_some(n)).collect::<Vec<_>>(),
            "t" => (0..rows).map(|n| format!("text {n}")).collect::<Vec<_>>(),
            "at" => (0..rows).collect::<Vec<_>>(),
        )
        .expect("frame");
        frame.try_apply("at", |at| at.cast(&kind)).expect("instants");
        let nested = StructChunked::from_series(
            "s".into(),
            rows as usize,
            [frame.column("n").expect("n").as_materialized_series().clone()].iter(),
        )
        .expect("structs")
        .into_series();
        frame.with_column(nested.into_column()).expect("frame");
        let columns = frame.columns();
        let fields = [
            PartField::of(&columns[0], Some(3)),
            PartField::constant(text("_source", "clicks"), Some(1_000_001)),
            PartField::of(&columns[1], Some(9)),
            PartField::of(&columns[2], Some(1_000_006)),
            PartField::of(&columns[3], Some(12)),
        ];
        let mut part = PartWriter::create(&folder.join("a.parquet"), &fields, form).expect("create");
        for start in (0..rows).step_by(300) {
            let group = frame.slice(start, 300);
            let encoded = encode(&group, form).expect("encode");
            part.write(group.height(), &encoded.iter().collect::<Vec<_>>(), None).expect("write");
        }
        (frame, part.finish().expect("finish"))
    }

    #[test]
    fn a_file_reads_back_with_its_field_ids() {
        let folder = tempfile::tempdir().expect("folder");
        let (frame, part) = written(folder.path(), Form::Kept);
        let metadata = read_metadata(&mut File::open(&part.path).expect("open")).expect("metadata");
        let ids: Vec<_> = metadata
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().to_owned(), field.get_field_info().id))
            .collect();
        let expected = [("n", 3), ("_source", 1_000_001), ("t", 9), ("at", 1_000_006), ("s", 12)];
        assert_eq!(ids, expected.map(|(name, id)| (name.to_owned(), Some(id))));
        let groups: Vec<_> = metadata.row_groups.iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [300, 300, 300, 100]);

        let back = ParquetReader::new(File::open(&part.path).expect("open")).finish().expect("read");
        let source = back.column("_source").expect("_source").as_materialized_series().clone();
        assert!(source.str().expect("text").iter().all(|text| text == Some("clicks")));
        assert!(back.drop("_source").expect("drop").equals_missing(&frame));
    }

    #[test]
    fn size_checksum_and_bounds_are_those_of_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let (_, part) = written(folder.path(), Form::Kept);
        let bytes = std::fs::read(&part.path).expect("read");
        assert_eq!(part.bytes, bytes.len() as u64);
        assert_eq!(part.sha256, rfe_model::id::sha256_hex(&bytes));
        assert_eq!(part.rows, 1000);
        let n = part.stats.iter().find(|stats| stats.column_id == 3).expect("n");
        assert_eq!((n.min.as_str(), n.max.as_str(), n.nulls), ("1", "999", 143));
        let source = part.stats.iter().find(|stats| stats.column_id == 1_000_001).expect("_source");
        assert_eq!((source.min.as_str(), source.max.as_str()), ("clicks", "clicks"));
    }

    #[test]
    fn a_spilled_file_reads_back_as_it_was() {
        let folder = tempfile::tempdir().expect("folder");
        let (frame, part) = written(folder.path(), Form::Spilled);
        let back = ParquetReader::new(File::open(&part.path).expect("open")).finish().expect("read");
        assert!(back.drop("_source").expect("drop").equals_missing(&frame));
    }
}
