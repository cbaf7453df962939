import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** What ends a statement before its last row: here soon, and on the server as well. */
final class Endings {
    private static final String HEAVY =
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3";
    private static final String LONG = "SELECT range, sin(range) AS s, repeat('x', 50) AS text FROM range(1000000000)";
    private static final Duration SOON = Duration.ofSeconds(30);

    /** Ends a statement. */
    interface Ending {
        void of(Statement statement) throws Exception;
    }

    private final Address address;

    private Endings(Address address) {
        this.address = address;
    }

    static Map<String, Object> of(Address address) throws Exception {
        Endings endings = new Endings(address);
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("cancelled", endings.soon(endings::cancelled));
        found.put("cancelled_between_rows", endings.soon(endings::cancelledBetweenRows));
        found.put("timed_out", endings.soon(endings::timedOut));
        found.put("closed_early", endings.soon(statement -> {
            ResultSet result = statement.executeQuery(LONG);
            result.next();
            endings.reach(1);
            result.close();
        }));
        return found;
    }

    // True if the server soon runs nothing more, and the next statement of the connection is none the worse.
    private boolean soon(Ending ending) throws Exception {
        Instant begun = Instant.now();
        try (Connection connection = address.connect()) {
            try (Statement statement = connection.createStatement()) {
                ending.of(statement);
            }
            reach(0);
            if (!Read.text(connection, "SELECT 1").equals("1")) {
                return false;
            }
        }
        return Duration.between(begun, Instant.now()).compareTo(SOON) < 0;
    }

    // By another thread, while this one waits for the first row.
    private void cancelled(Statement statement) throws Exception {
        CompletableFuture<Void> cancel = CompletableFuture.runAsync(() -> {
            try {
                reach(1);
                statement.cancel();
            } catch (IOException | InterruptedException | SQLException error) {
                throw new CompletionException(error);
            }
        });
        ended(() -> statement.executeQuery(HEAVY).next());
        cancel.get();
    }

    private void cancelledBetweenRows(Statement statement) throws Exception {
        ResultSet result = statement.executeQuery(LONG);
        result.next();
        reach(1);
        statement.cancel();
        ended(() -> {
            while (result.next()) {}
        });
    }

    private void timedOut(Statement statement) throws SQLException {
        statement.setQueryTimeout(1);
        ended(() -> statement.executeQuery(HEAVY).next());
    }

    private static void ended(Refusals.Attempt attempt) throws SQLException {
        if (!Refusals.told("", attempt)) {
            throw new SQLException("it came to its end");
        }
    }

    private void reach(long running) throws IOException, InterruptedException {
        Instant begun = Instant.now();
        while (address.running() != running) {
            if (Duration.between(begun, Instant.now()).compareTo(SOON) > 0) {
                throw new IOException("the server runs " + address.running() + " statements, not " + running);
            }
            Thread.sleep(20);
        }
    }
}
