import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Where the query service is and how to come in: what the other clients read from {@code RFE_*} too. */
record Address(URI url, String token, String authority) {

    /** Reads {@code RFE_QUERY_URL}, else {@code RFE_URL}; {@code RFE_TOKEN}; and {@code RFE_TLS_CA}, a PEM file. Empty ones are unset. */
    static Address fromEnvironment() {
        String url = environment("RFE_QUERY_URL", environment("RFE_URL", "http://127.0.0.1:50051"));
        return new Address(
                URI.create(url.contains("://") ? url : "http://" + url),
                environment("RFE_TOKEN", null),
                environment("RFE_TLS_CA", null));
    }

    private static String environment(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isBlank() ? otherwise : value;
    }

    boolean isEncrypted() {
        return "https".equals(url.getScheme());
    }

    /** A connection as the environment says. */
    Connection connect() throws SQLException {
        return connect(Map.of());
    }

    /** A connection with further parameters in its URL; they win over those of the environment, and an empty one is left out. */
    Connection connect(Map<String, String> more) throws SQLException {
        return DriverManager.getConnection(jdbc(more));
    }

    /** The URL that the driver takes. */
    String jdbc(Map<String, String> more) {
        Map<String, String> parameters = new LinkedHashMap<>();
        parameters.put("useEncryption", String.valueOf(isEncrypted()));
        if (authority != null && isEncrypted()) {
            parameters.put("tlsRootCerts", authority);
        }
        if (token != null) {
            parameters.put("token", token);
        }
        parameters.putAll(more);
        parameters.values().removeIf(String::isEmpty);
        int port = url.getPort() >= 0 ? url.getPort() : isEncrypted() ? 443 : 80;
        StringBuilder text = new StringBuilder("jdbc:arrow-flight-sql://").append(url.getHost()).append(':').append(port);
        char before = '?';
        for (Map.Entry<String, String> parameter : parameters.entrySet()) {
            String value = URLEncoder.encode(parameter.getValue(), StandardCharsets.UTF_8);
            text.append(before).append(parameter.getKey()).append('=').append(value);
            before = '&';
        }
        return text.toString();
    }

    /** How many statements the service runs right now. */
    long running() throws IOException, InterruptedException {
        return Metrics.of(this, "rfe_queries_running");
    }
}
