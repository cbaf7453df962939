import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** The service's own figures, from {@code /metrics} on the port that JDBC speaks to. */
final class Metrics {
    private Metrics() {}

    /** The value of a gauge without labels. */
    static long of(Address address, String gauge) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(address.url().resolve("/metrics")).build();
        String page = client(address).send(request, HttpResponse.BodyHandlers.ofString()).body();
        return page.lines()
                .filter(line -> line.startsWith(gauge + " "))
                .mapToLong(line -> Long.parseLong(line.substring(gauge.length() + 1).trim()))
                .findFirst()
                .orElseThrow(() -> new IOException("no `" + gauge + "` in " + address.url() + "/metrics"));
    }

    private static HttpClient client(Address address) throws IOException {
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
        if (address.isEncrypted() && address.authority() != null) {
            builder.sslContext(trusting(Path.of(address.authority())));
        }
        return builder.build();
    }

    private static SSLContext trusting(Path authority) throws IOException {
        try (InputStream pem = Files.newInputStream(authority)) {
            KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
            trusted.load(null, null);
            trusted.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(pem));
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(trusted);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException error) {
            throw new IOException(authority + " is no certificate: " + error.getMessage(), error);
        }
    }
}
