import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Rows of statements: many, few, none, and of several statements at once. */
final class Results {
    private static final int MANY = 300_000;

    private Results() {}

    static Map<String, Object> of(Connection connection) throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("rows_in_order", inOrder(connection));
        found.put("rows_of_two_at_once", twoAtOnce(connection));
        found.put("at_most", atMost(connection));
        found.put("columns", columns(connection));
        found.put("none", none(connection));
        found.put("again", again(connection));
        return found;
    }

    private static long inOrder(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(1000);
            long rows = 0;
            try (ResultSet result = statement.executeQuery("SELECT range AS n FROM range(" + MANY + ") ORDER BY n")) {
                while (result.next()) {
                    if (result.getLong("n") != rows++) {
                        throw new SQLException("row " + rows + " holds " + result.getLong("n"));
                    }
                }
            }
            return rows;
        }
    }

    private static long twoAtOnce(Connection connection) throws SQLException {
        try (Statement one = connection.createStatement(); Statement two = connection.createStatement();
                ResultSet left = one.executeQuery("SELECT range FROM range(" + MANY + ")");
                ResultSet right = two.executeQuery("SELECT range FROM range(" + MANY + ")")) {
            long rows = 0;
            while (left.next() & right.next()) {
                if (left.getLong(1) != right.getLong(1)) {
                    throw new SQLException("row " + rows + " differs");
                }
                rows++;
            }
            return rows;
        }
    }

    private static int atMost(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setMaxRows(10);
            return Read.rows(statement.executeQuery("SELECT range FROM range(" + MANY + ")"), ResultSet::getRow).size();
        }
    }

    // Label, type, precision, scale.
    private static List<String> columns(Connection connection) throws SQLException {
        String sql = "SELECT id, name AS label, 2.50::DECIMAL(9,2) AS amount, sum(id) OVER () AS total FROM numbers LIMIT 1";
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            ResultSetMetaData columns = result.getMetaData();
            List<String> found = new ArrayList<>();
            for (int at = 1; at <= columns.getColumnCount(); at++) {
                found.add(columns.getColumnLabel(at) + " " + columns.getColumnTypeName(at) + " " + columns.getPrecision(at) + " "
                        + columns.getScale(at));
            }
            return found;
        }
    }

    // A statement that is not prepared shows the columns of an empty result twice; that is the driver's doing.
    private static List<Object> none(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT id, name FROM numbers WHERE false");
                ResultSet result = statement.executeQuery()) {
            ResultSetMetaData columns = result.getMetaData();
            List<Object> found = new ArrayList<>();
            for (int at = 1; at <= columns.getColumnCount(); at++) {
                found.add(columns.getColumnLabel(at));
            }
            found.add(Read.rows(result, ResultSet::getRow).size());
            return found;
        }
    }

    // One statement for several queries: its earlier result ends.
    private static List<Integer> again(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT range FROM range(" + MANY + ")").next();
            List<Integer> found = new ArrayList<>();
            found.addAll(Read.rows(statement.executeQuery("SELECT 2"), row -> row.getInt(1)));
            if (statement.execute("VALUES (3), (4)")) {
                found.addAll(Read.rows(statement.getResultSet(), row -> row.getInt(1)));
            }
            return found;
        }
    }
}
