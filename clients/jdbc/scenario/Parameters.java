import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prepared statements: values of each type, several times, and what the driver knows before. */
final class Parameters {
    /** Sets a value and leaves all else to the statement. */
    interface Setting {
        void on(PreparedStatement statement) throws SQLException;
    }

    private Parameters() {}

    static Map<String, Object> of(Connection connection) throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("int", bound(connection, "SELECT ?::BIGINT + 1", it -> it.setInt(1, 41)));
        found.put("long", bound(connection, "SELECT ?::BIGINT + 1", it -> it.setLong(1, 9007199254740992L)));
        found.put("double", bound(connection, "SELECT ?::DOUBLE * 2", it -> it.setDouble(1, 1.25)));
        found.put("decimal", bound(connection, "SELECT ?::DECIMAL(18,2)", it -> it.setBigDecimal(1, new BigDecimal("2.50"))));
        found.put("string", bound(connection, "SELECT ?", it -> it.setString(1, "ä'; DROP TABLE numbers; --")));
        found.put("boolean", bound(connection, "SELECT NOT ?::BOOLEAN", it -> it.setBoolean(1, false)));
        found.put("bytes", bound(connection, "SELECT hex(?::BLOB)", it -> it.setBytes(1, new byte[] {(byte) 0xaa, 0, '\''})));
        found.put("date", bound(connection, "SELECT ?::DATE", it -> it.setDate(1, Date.valueOf("2024-02-29"))));
        found.put("time", bound(connection, "SELECT ?::TIME", it -> it.setTime(1, Time.valueOf("12:34:56"))));
        Timestamp moment = Timestamp.valueOf("2024-02-29 12:34:56.789");
        found.put("timestamp", bound(connection, "SELECT ?::TIMESTAMP", it -> it.setTimestamp(1, moment)));
        found.put("timestamptz", bound(connection, "SELECT ?::TIMESTAMPTZ", it -> it.setTimestamp(1, moment)));
        // The driver binds no microseconds; text carries them.
        String exact = "2024-02-29 12:34:56.789012";
        found.put("microseconds", bound(connection, "SELECT ?::VARCHAR::TIMESTAMP", it -> it.setString(1, exact)));
        found.put("null", bound(connection, "SELECT ?::BIGINT + 1", it -> it.setNull(1, Types.BIGINT)));
        found.put("null_in_where", bound(connection, "SELECT count(*) FROM numbers WHERE id = ?", it -> it.setNull(1, Types.BIGINT)));
        Timestamp future = Timestamp.valueOf("2999-01-01 00:00:00");
        found.put("since", bound(connection, "SELECT count(*) FROM numbers WHERE _ingested_at < ?", it -> it.setTimestamp(1, future)));
        Timestamp past = Timestamp.valueOf("2020-01-01 00:00:00");
        found.put("until", bound(connection, "SELECT count(*) FROM numbers WHERE _ingested_at < ?", it -> it.setTimestamp(1, past)));
        found.put("limit", bound(connection, "SELECT count(*) FROM (SELECT id FROM numbers LIMIT ?)", it -> it.setInt(1, 7)));
        found.put("again", again(connection));
        found.put("described", described(connection));
        return found;
    }

    private static String bound(Connection connection, String sql, Setting setting) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            setting.on(statement);
            return Read.rows(statement.executeQuery(), row -> row.getString(1)).get(0);
        }
    }

    // The same two statements in turn, with other values each time.
    private static List<Long> again(Connection connection) throws SQLException {
        String sql = "SELECT count(*) FROM numbers WHERE id < ? AND name = ?";
        List<Long> counts = new ArrayList<>();
        try (PreparedStatement one = connection.prepareStatement(sql); PreparedStatement other = connection.prepareStatement(sql)) {
            for (int tens = 1; tens <= 3; tens++) {
                for (PreparedStatement statement : List.of(one, other)) {
                    statement.setLong(1, statement == one ? tens * 10L : tens * 100L);
                    statement.setString(2, "name " + tens);
                    counts.addAll(Read.rows(statement.executeQuery(), row -> row.getLong(1)));
                }
            }
        }
        return counts;
    }

    // The numbers of types, and the columns of the answer, before anything is bound.
    private static List<Object> described(Connection connection) throws SQLException {
        String sql = "SELECT id, name FROM numbers WHERE id < ? AND name = ? AND _ingested_at < ?";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            ParameterMetaData parameters = statement.getParameterMetaData();
            List<Object> found = new ArrayList<>();
            for (int at = 1; at <= parameters.getParameterCount(); at++) {
                int type = parameters.getParameterType(at);
                found.add(type == Types.TIMESTAMP_WITH_TIMEZONE ? Types.TIMESTAMP : type);
            }
            for (int at = 1; at <= statement.getMetaData().getColumnCount(); at++) {
                found.add(statement.getMetaData().getColumnLabel(at));
            }
            return found;
        }
    }
}
