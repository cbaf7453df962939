//! GetSqlInfo: everything that drivers read, older ones of which fail on a value that is missing.

use std::collections::BTreeMap;

use arrow_flight::{
    error::Result,
    sql::{
        SqlInfo as I, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
        SqlSupportedGroupBy, SqlSupportedResultSetConcurrency, SqlSupportedResultSetType,
        SqlSupportedSubqueries, SqlSupportedTransaction, SqlSupportedUnions, SqlTransactionIsolationLevel,
        SupportedSqlGrammar,
        metadata::{SqlInfoData, SqlInfoDataBuilder},
    },
};

use crate::config::Config;

const YES: [I; 15] = [
    I::FlightSqlServerReadOnly,
    I::FlightSqlServerSql,
    I::FlightSqlServerCancel,
    I::SqlAllTablesAreSelectable,
    I::SqlSupportsColumnAliasing,
    I::SqlNullPlusNullIsNull,
    I::SqlSupportsTableCorrelationNames,
    I::SqlSupportsExpressionsInOrderBy,
    I::SqlSupportsOrderByUnrelated,
    I::SqlSupportsLikeEscapeClause,
    I::SqlCatalogAtStart,
    I::SqlCorrelatedSubqueriesSupported,
    I::SqlNamedParametersSupported,
    I::SqlMaxRowSizeIncludesBlobs,
    I::SqlDataDefinitionsInTransactionsIgnored,
];
const NO: [I; 16] = [
    I::FlightSqlServerSubstrait,
    I::FlightSqlServerBulkIngestion,
    I::FlightSqlServerIngestTransactionsSupported,
    I::SqlDdlCatalog,
    I::SqlDdlSchema,
    I::SqlDdlTable,
    I::SqlSupportsDifferentTableCorrelationNames,
    I::SqlSupportsNonNullableColumns,
    I::SqlSupportsIntegrityEnhancementFacility,
    I::SqlSelectForUpdateSupported,
    I::SqlStoredProceduresSupported,
    I::SqlStoredFunctionsUsingCallSyntaxSupported,
    I::SqlTransactionsSupported,
    I::SqlDataDefinitionCausesTransactionCommit,
    I::SqlBatchUpdatesSupported,
    I::SqlSavepointsSupported,
];
// 0 says: no limit, or not known.
const UNLIMITED: [I; 20] = [
    I::SqlMaxBinaryLiteralLength,
    I::SqlMaxCharLiteralLength,
    I::SqlMaxColumnNameLength,
    I::SqlMaxColumnsInGroupBy,
    I::SqlMaxColumnsInIndex,
    I::SqlMaxColumnsInOrderBy,
    I::SqlMaxColumnsInSelect,
    I::SqlMaxColumnsInTable,
    I::SqlMaxConnections,
    I::SqlMaxCursorNameLength,
    I::SqlMaxIndexLength,
    I::SqlDbSchemaNameLength,
    I::SqlMaxProcedureNameLength,
    I::SqlMaxCatalogNameLength,
    I::SqlMaxRowSize,
    I::SqlMaxStatements,
    I::SqlMaxTableNameLength,
    I::SqlMaxTablesInSelect,
    I::SqlMaxUsernameLength,
    I::SqlSupportedConcurrenciesForResultSetScrollSensitive,
];

const KEYWORDS: &str = "ANTI,ASOF,ATTACH,COLUMNS,DESCRIBE,EXCLUDE,ILIKE,LAMBDA,LIMIT,MACRO,MAP,OFFSET,PIVOT,POSITIONAL,PRAGMA,QUALIFY,\
    SAMPLE,SEMI,SHOW,STRUCT,SUMMARIZE,TRY_CAST,UNPIVOT";
const NUMERIC: &str = "ABS,ACOS,ASIN,ATAN,ATAN2,CEILING,COS,COT,DEGREES,EXP,FLOOR,LOG,LOG10,MOD,PI,POWER,RADIANS,RANDOM,ROUND,SIGN,SIN,\
    SQRT,TAN,TRUNC";
const STRING: &str = "ASCII,CHR,CONCAT,LCASE,LEFT,LENGTH,LOWER,LPAD,LTRIM,POSITION,REGEXP_EXTRACT,REGEXP_MATCHES,REGEXP_REPLACE,REPEAT,\
    REPLACE,RIGHT,RPAD,RTRIM,SPLIT_PART,SUBSTRING,TRIM,UCASE,UPPER";
const SYSTEM: &str = "COALESCE,IFNULL,TYPEOF,VERSION";
const DATETIME: &str = "AGE,CURRENT_DATE,DATE_DIFF,DATE_PART,DATE_TRUNC,DAYNAME,DAYOFMONTH,DAYOFWEEK,DAYOFYEAR,EXTRACT,HOUR,LAST_DAY,\
    MINUTE,MONTH,MONTHNAME,NOW,QUARTER,SECOND,STRFTIME,STRPTIME,WEEK,YEAR";

/// What this server is and can do.
pub fn data(config: &Config) -> Result<SqlInfoData> {
    let mut all = SqlInfoDataBuilder::new();
    YES.into_iter().for_each(|info| all.append(info, true));
    NO.into_iter().for_each(|info| all.append(info, false));
    UNLIMITED.into_iter().for_each(|info| all.append(info, 0_i64));
    names(&mut all);
    lists(&mut all);
    levels(&mut all);
    all.append(I::SqlMaxStatementLength, i64::try_from(config.max_sql_bytes).unwrap_or(i64::MAX));
    all.append(
        I::FlightSqlServerStatementTimeout,
        i32::try_from(config.max_runtime.as_millis()).unwrap_or(i32::MAX),
    );
    all.append(I::FlightSqlServerTransactionTimeout, 0_i32);
    all.build()
}

fn names(all: &mut SqlInfoDataBuilder) {
    all.append(I::FlightSqlServerName, "rfe");
    all.append(I::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    all.append(I::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    all.append(I::FlightSqlServerSubstraitMinVersion, "");
    all.append(I::FlightSqlServerSubstraitMaxVersion, "");
    all.append(I::SqlIdentifierQuoteChar, "\"");
    all.append(I::SqlSearchStringEscape, "\\");
    all.append(I::SqlExtraNameCharacters, "");
    all.append(I::SqlSchemaTerm, "schema");
    all.append(I::SqlProcedureTerm, "procedure");
    all.append(I::SqlCatalogTerm, "catalog");
}

fn lists(all: &mut SqlInfoDataBuilder) {
    for (info, names) in [
        (I::SqlKeywords, KEYWORDS),
        (I::SqlNumericFunctions, NUMERIC),
        (I::SqlStringFunctions, STRING),
        (I::SqlSystemFunctions, SYSTEM),
        (I::SqlDatetimeFunctions, DATETIME),
    ] {
        all.append(info, names.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>());
    }
    // Which type converts to which; a tool that needs CAST asks for none of it.
    all.append(I::SqlSupportsConvert, BTreeMap::<i32, Vec<i32>>::new());
}

fn levels(all: &mut SqlInfoDataBuilder) {
    let bits = |of: &[i32]| of.iter().fold(0, |mask, bit| mask | (1_i32 << bit));
    let value = |number: i32| i64::from(number);
    all.append(I::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    all.append(
        I::SqlIdentifierCase,
        value(SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32),
    );
    all.append(
        I::SqlQuotedIdentifierCase,
        value(SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32),
    );
    all.append(I::SqlNullOrdering, value(SqlNullOrdering::SqlNullsSortedAtEnd as i32));
    all.append(
        I::SqlSupportedGroupBy,
        bits(&[
            SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
            SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32,
        ]),
    );
    all.append(
        I::SqlSupportedGrammar,
        bits(&[SupportedSqlGrammar::SqlMinimumGrammar as i32, SupportedSqlGrammar::SqlCoreGrammar as i32]),
    );
    // Entry and intermediate level of SQL-92.
    all.append(I::SqlAnsi92SupportedLevel, bits(&[0, 1]));
    all.append(
        I::SqlOuterJoinsSupportLevel,
        bits(&[
            SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32,
            SqlOuterJoinsSupportLevel::SqlLimitedOuterJoins as i32,
        ]),
    );
    // Names may have a schema in queries, which is none of the actions that these two list.
    all.append(I::SqlSchemasSupportedActions, 0_i32);
    all.append(I::SqlCatalogsSupportedActions, 0_i32);
    all.append(I::SqlSupportedPositionedCommands, 0_i32);
    all.append(
        I::SqlSupportedSubqueries,
        bits(&[
            SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
            SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
            SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
            SqlSupportedSubqueries::SqlSubqueriesInQuantifieds as i32,
        ]),
    );
    all.append(
        I::SqlSupportedUnions,
        bits(&[SqlSupportedUnions::SqlUnion as i32, SqlSupportedUnions::SqlUnionAll as i32]),
    );
    all.append(
        I::SqlDefaultTransactionIsolation,
        value(SqlTransactionIsolationLevel::SqlTransactionNone as i32),
    );
    all.append(
        I::SqlSupportedTransactionsIsolationLevels,
        bits(&[SqlTransactionIsolationLevel::SqlTransactionNone as i32]),
    );
    let forward = bits(&[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32]);
    all.append(I::SqlSupportedResultSetTypes, forward);
    let read_only = bits(&[SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32]);
    all.append(I::SqlSupportedConcurrenciesForResultSetForwardOnly, read_only);
    all.append(I::SqlSupportedConcurrenciesForResultSetUnspecified, 0_i32);
    all.append(I::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0_i32);
    all.append(I::SqlLocatorsUpdateCopy, false);
}
