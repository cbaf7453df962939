import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/** One value of each SQL type, as Java reads it. */
final class Values {
    private Values() {}

    static Map<String, Object> of(Connection connection) throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        for (String literal : new String[] {
            "true",
            "7::TINYINT",
            "7::SMALLINT",
            "7::INTEGER",
            "9007199254740993::BIGINT",
            "170141183460469231731687303715884105727::HUGEINT",
            "1.5::FLOAT",
            "0.1::DOUBLE",
            "'nan'::DOUBLE",
            "2.50::DECIMAL(9,2)",
            "99999999999999999999999999999999.123456::DECIMAL(38,6)",
            "DATE '2024-02-29'",
            "DATE '0001-01-01'",
            "TIME '12:34:56.789'",
            "TIMESTAMP '2024-02-29 12:34:56.789012'",
            "TIMESTAMP '1969-12-31 23:59:59.999999'",
            "'ä'",
            "''",
            "'{\"a\": [1, null]}'::JSON",
            "'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::UUID",
            "'a'::ENUM('a', 'b')",
            "'\\xAA\\x00'::BLOB",
            "''::BLOB",
            "[1, 2, NULL]",
            "[['a'], []]",
            "[2.50::DECIMAL(9,2)]",
            "[]::BIGINT[]",
            "NULL",
            "NULL::VARCHAR",
            "NULL::BIGINT",
            "NULL::BIGINT[]",
        }) {
            found.put(literal, object(connection, literal));
        }
        for (String literal : new String[] {
            "TIMESTAMPTZ '2024-02-29 12:34:56.789012+00'",
            "TIMESTAMPTZ '2024-02-29 14:34:56+02'",
            "{'a': 1, 'b': 'x', 'c': [1, 2]}",
            "[{'a': 1}]",
            "MAP {'k': 1}",
            "INTERVAL '1 month 2 days 3 seconds'",
        }) {
            found.put(literal, Read.text(connection, "SELECT " + literal));
        }
        found.put("zoned", zoned(connection));
        found.put("numbers", numbers(connection));
        found.put("nulls", nulls(connection));
        return found;
    }

    // The value with the name of its class, if that is one of Java's own.
    private static String object(Connection connection, String literal) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT " + literal)) {
            result.next();
            Object value = result.getObject(1);
            if (value == null) {
                return result.wasNull() ? null : "null that is none";
            }
            if (value instanceof byte[] bytes) {
                return HexFormat.of().formatHex(bytes) + " byte[]";
            }
            if (value instanceof Array array) {
                return Arrays.deepToString((Object[]) array.getArray()) + " Array";
            }
            String name = value.getClass().getName().startsWith("java.") ? value.getClass().getSimpleName() : "driver's own";
            return value + " " + name;
        }
    }

    // By getObject(1) alone the driver 18.3.0 fails here; it says so as a RuntimeException.
    private static String zoned(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("SELECT TIMESTAMPTZ '2024-02-29 14:34:56.789012+02'")) {
            result.next();
            return result.getTimestamp(1).toInstant().toString();
        }
    }

    // A number is read as any other type that holds it.
    private static String numbers(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("SELECT 42::BIGINT AS n, sum(id) AS total FROM numbers")) {
            result.next();
            BigDecimal total = result.getBigDecimal("total");
            return result.getInt("n") + " " + result.getDouble("n") + " " + result.getString("n") + " " + total + " " + result.getLong(2);
        }
    }

    private static String nulls(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery("SELECT NULL::BIGINT, NULL::DOUBLE, NULL::BOOLEAN, 1")) {
            result.next();
            return result.getLong(1) + " " + result.wasNull() + " " + result.getDouble(2) + " " + result.wasNull() + " "
                    + result.getBoolean(3) + " " + result.wasNull() + " " + result.getInt(4) + " " + result.wasNull();
        }
    }
}
