import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;

/** The SQL that DBeaver, Spark and Tableau write by themselves, and what a person types into them: how many rows each has. */
final class Tools {
    private Tools() {}

    static Map<String, Object> of(Connection connection) throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        for (String sql : new String[] {
            "SELECT * FROM numbers LIMIT 3",
            "SELECT * FROM \"main\".\"numbers\" LIMIT 3",
            "SELECT * FROM \"rfe\".\"main\".\"numbers\" LIMIT 3",
            "SELECT x.\"id\", x.\"name\" FROM rfe.main.numbers x ORDER BY x.\"id\" DESC LIMIT 200 OFFSET 10",
            "SELECT * FROM \"rfe\".\"raw\".\"numbers\"",
            "SELECT * FROM \"RFE\".\"MAIN\".\"NUMBERS\"",
            "SELECT * FROM rfe.meta.sources WHERE 1 = 0",
            "SELECT COUNT(*) FROM (SELECT * FROM numbers) dbvrcnt",
            "SELECT \"id\",\"name\" FROM (SELECT * FROM numbers) SPARK_GEN_SUBQ_0 WHERE (\"id\" IS NOT NULL) AND (\"id\" < 5)",
            "SELECT \"numbers\".\"name\" AS \"name\", SUM(1) AS \"n\" FROM \"rfe\".\"main\".\"numbers\" \"numbers\" GROUP BY 1",
            "-- what is there\nSELECT 1;\n",
            "/* one */ SELECT 1 /* two */ ; -- three",
            "EXPLAIN SELECT * FROM numbers",
            "EXPLAIN ANALYZE SELECT count(*) FROM numbers",
            "DESCRIBE numbers",
            "SUMMARIZE numbers",
            "SELECT * FROM information_schema.tables WHERE table_name = 'numbers'",
            "SELECT * FROM \"rfe\".\"information_schema\".\"columns\" WHERE table_schema = 'main' AND table_name = 'numbers'",
            "WITH few AS (SELECT id FROM numbers WHERE id < 4) SELECT a.id FROM few a JOIN few b USING (id)",
            "VALUES (1), (2)",
            "FROM numbers",
        }) {
            try (Statement statement = connection.createStatement()) {
                // As DBeaver does: executed without knowing what it is, then asked for its rows.
                if (!statement.execute(sql)) {
                    throw new SQLException("no rows, but an update: " + sql);
                }
                found.put(sql, Read.rows(statement.getResultSet(), ResultSet::getRow).size());
            }
        }
        return found;
    }
}
