import java.sql.Connection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TimeZone;

/**
 * What a program in Java, Spark or DBeaver does with rfe, through the Flight SQL driver: prints one JSON document of what came of it.
 * It wants a dataset {@code numbers} of 1,000 rows, {@code id} 0 to 999 and {@code name} "name " and the last digit of the id.
 */
public final class Scenario {
    private Scenario() {}

    /** Runs it; exits with 1 and a message if a step goes wrong. */
    public static void main(String[] arguments) {
        // Elsewhere the driver shows a TIMESTAMPTZ as a time that is off by twice the distance from UTC.
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        try {
            System.out.println(Json.of(document(Address.fromEnvironment())));
            System.exit(0);
        } catch (Exception | AssertionError error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    private static Map<String, Object> document(Address address) throws Exception {
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("language", "jdbc");
        try (Connection connection = address.connect()) {
            System.err.println("driver " + connection.getMetaData().getDriverVersion());
            document.put("product", Product.of(connection.getMetaData()));
            document.put("catalog", Catalog.of(connection.getMetaData()));
            document.put("results", Results.of(connection));
            document.put("types", Values.of(connection));
            document.put("parameters", Parameters.of(connection));
            document.put("tools", Tools.of(connection));
            document.put("refused", Refusals.of(connection));
        }
        document.put("connections", Connections.of(address));
        document.put("ended", Endings.of(address));
        return document;
    }
}
