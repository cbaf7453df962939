import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What the server says of itself, and that every question which the driver knows has an answer. */
final class Product {
    private Product() {}

    static Map<String, Object> of(DatabaseMetaData server) throws Exception {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("name", server.getDatabaseProductName());
        found.put("has_version", server.getDatabaseProductVersion().matches("\\d+\\.\\d+\\.\\d+.*"));
        found.put("read_only", server.isReadOnly());
        found.put("quote", server.getIdentifierQuoteString());
        found.put("escape", server.getSearchStringEscape());
        found.put("terms", List.of(server.getCatalogTerm(), server.getSchemaTerm(), server.getCatalogSeparator()));
        found.put("keyword", List.of(server.getSQLKeywords().split(", ")).contains("QUALIFY"));
        found.put("functions", Stream.of(
                        server.getNumericFunctions(),
                        server.getStringFunctions(),
                        server.getSystemFunctions(),
                        server.getTimeDateFunctions())
                .noneMatch(String::isBlank));
        found.put("transactions", server.supportsTransactions());
        found.put("batches", server.supportsBatchUpdates());
        found.put("unanswered", unanswered(server));
        return found;
    }

    // Names of the getters that throw, but for those that the driver itself has not written.
    private static List<String> unanswered(DatabaseMetaData server) throws IllegalAccessException, SQLException {
        List<String> names = new ArrayList<>();
        for (Method getter : DatabaseMetaData.class.getDeclaredMethods()) {
            if (getter.isSynthetic() || Modifier.isStatic(getter.getModifiers())) {
                continue;
            }
            try {
                if (getter.invoke(server, arguments(getter)) instanceof ResultSet result) {
                    Read.rows(result, ResultSet::getRow);
                }
            } catch (InvocationTargetException error) {
                if (!String.valueOf(error.getCause().getMessage()).startsWith("todo")) {
                    names.add(getter.getName() + ": " + error.getCause());
                }
            }
        }
        names.sort(Comparator.naturalOrder());
        return names;
    }

    private static Object[] arguments(Method getter) {
        return Stream.of(getter.getParameterTypes()).map(type -> argument(getter.getName(), type)).toArray();
    }

    // A table where one is wanted, else no name for "any"; and the numbers that the getters of numbers are about.
    private static Object argument(String getter, Class<?> type) {
        if (type == boolean.class) {
            return false;
        }
        if (type == String.class && (getter.endsWith("Keys") || getter.endsWith("Reference"))) {
            return "numbers";
        }
        if (type != int.class) {
            return null;
        }
        boolean ofLevels = getter.equals("supportsTransactionIsolationLevel") || getter.equals("getBestRowIdentifier");
        return ofLevels ? 0 : ResultSet.TYPE_FORWARD_ONLY;
    }
}
