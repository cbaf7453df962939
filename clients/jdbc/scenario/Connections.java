import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Ways in, and what a connection pool asks of a connection. */
final class Connections {
    private Connections() {}

    static Map<String, Object> of(Address address) throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("two", two(address));
        found.put("user_and_password", rows(address, userAndPassword(address)));
        found.put("catalog", ofCatalog(address, "rfe"));
        found.put("other_catalog", refused(address, Map.of("catalog", "another"), "Cannot set session option for catalog"));
        found.put("pool", pool(address));
        if (address.token() != null) {
            found.put("wrong_token", refused(address, Map.of("token", "rfe_wrong"), "token"));
            found.put("no_token", refused(address, Map.of("token", ""), "token"));
            found.put("wrong_password", refused(address, Map.of("token", "", "user", "any", "password", "rfe_wrong"), "token"));
        }
        return found;
    }

    // Any user name goes with a token as the password; where no token is wanted, any password does.
    private static Map<String, String> userAndPassword(Address address) {
        return Map.of("token", "", "user", "any", "password", address.token() == null ? "any" : address.token());
    }

    private static String rows(Address address, Map<String, String> parameters) throws SQLException {
        try (Connection connection = address.connect(parameters)) {
            return Read.text(connection, "SELECT count(*) FROM numbers");
        }
    }

    // Once a catalog is set, the driver's close() fails: it says goodbye on a channel that it has closed.
    private static String ofCatalog(Address address, String catalog) throws SQLException {
        Connection connection = address.connect(Map.of("catalog", catalog));
        String rows = Read.text(connection, "SELECT count(*) FROM numbers");
        try {
            connection.close();
        } catch (SQLException error) {
            System.err.println("close() after catalog=: " + error.getMessage());
        }
        return rows;
    }

    private static boolean refused(Address address, Map<String, String> parameters, String words) throws SQLException {
        return Refusals.told(words, () -> rows(address, parameters));
    }

    private static List<String> two(Address address) throws SQLException {
        try (Connection one = address.connect(); Connection other = address.connect()) {
            return List.of(Read.text(one, "SELECT 1"), Read.text(other, "SELECT 2"), Read.text(one, "SELECT 3"));
        }
    }

    // Transactions are none, but asking for them does no harm.
    private static List<Object> pool(Address address) throws SQLException {
        Connection connection = address.connect();
        boolean valid = connection.isValid(5);
        connection.setAutoCommit(false);
        String within = Read.text(connection, "SELECT count(*) FROM numbers");
        connection.commit();
        connection.rollback();
        connection.setAutoCommit(true);
        connection.setReadOnly(true);
        String after = Read.text(connection, "SELECT count(*) FROM numbers");
        connection.close();
        connection.close();
        return List.of(valid, within, after, connection.isClosed());
    }
}
