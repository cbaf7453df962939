import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** Results as plain lists. */
final class Read {
    /** Takes what is wanted from the row that a result stands at. */
    interface Row<T> {
        T of(ResultSet row) throws SQLException;
    }

    private Read() {}

    /** All rows of a result, which is closed. */
    static <T> List<T> rows(ResultSet result, Row<T> row) throws SQLException {
        try (result) {
            List<T> all = new ArrayList<>();
            while (result.next()) {
                all.add(row.of(result));
            }
            return all;
        }
    }

    /** The first column of all rows of a query. */
    static List<String> texts(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return rows(statement.executeQuery(sql), row -> row.getString(1));
        }
    }

    /** The one value that a query answers with, as text. */
    static String text(Connection connection, String sql) throws SQLException {
        List<String> all = texts(connection, sql);
        if (all.size() != 1) {
            throw new SQLException(all.size() + " rows instead of one: " + sql);
        }
        return all.get(0);
    }
}
