import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is refused, by an SQLException with the server's own words. */
final class Refusals {
    /** Something that should be refused. */
    interface Attempt {
        void run() throws SQLException;
    }

    private Refusals() {}

    static Map<String, Object> of(Connection connection) throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("column", told("\"nothing\" not found", () -> run(connection, "SELECT nothing FROM numbers")));
        found.put("table", told("did you mean `numbers`?", () -> run(connection, "SELECT * FROM numbrs")));
        found.put("syntax", told("syntax error at or near \"SELEC\"", () -> run(connection, "SELEC 1")));
        found.put("value", told("Could not convert string", () -> run(connection, "SELECT name::BIGINT FROM numbers")));
        found.put("two", told("one statement at a time", () -> run(connection, "SELECT 1; SELECT 2")));
        found.put("empty", told("the statement is empty", () -> run(connection, " ")));
        found.put("file", told("", () -> run(connection, "SELECT * FROM '/etc/passwd'")));
        for (String sql : new String[] {
            "INSERT INTO numbers VALUES (1, 'x')", "UPDATE numbers SET id = 1", "DELETE FROM numbers", "DROP TABLE numbers",
            "CREATE TABLE other (n BIGINT)", "SET threads = 1", "BEGIN",
        }) {
            found.put(sql, told("only queries are allowed", () -> update(connection, sql)));
        }
        found.put("batch", told("this server is read-only", () -> batch(connection)));
        found.put("unbound", told("", () -> prepared(connection, "SELECT count(*) FROM numbers WHERE id = ?", it -> {})));
        found.put("type", told("STRING", () -> prepared(connection, "SELECT 1 + ?::BIGINT", it -> it.setString(1, "x"))));
        return found;
    }

    /** True if it was refused in words that hold these. */
    static boolean told(String words, Attempt attempt) throws SQLException {
        try {
            attempt.run();
        } catch (SQLException error) {
            if (String.valueOf(error.getMessage()).contains(words)) {
                return true;
            }
            throw new SQLException("it says nothing of `" + words + "`", error);
        }
        return false;
    }

    private static void run(Connection connection, String sql) throws SQLException {
        Read.texts(connection, sql);
    }

    private static void update(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate(sql);
        }
    }

    private static void batch(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM numbers WHERE id = ?")) {
            for (int id = 0; id < 2; id++) {
                statement.setLong(1, id);
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }

    private static void prepared(Connection connection, String sql, Parameters.Setting setting) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            setting.on(statement);
            Read.rows(statement.executeQuery(), row -> row.getString(1));
        }
    }
}
