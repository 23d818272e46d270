import java.io.PrintStream;
import java.util.Collection;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/** What the clients of every release share: their settings, and one line of JSON for each step. */
final class Steps {
    static final int MESSAGES = Integer.parseInt(env("MESSAGES"));
    static final long WAIT_MS = 1000L * Integer.parseInt(env("WAIT_S"));

    private static final PrintStream OUT = System.out;

    private Steps() {}

    static String env(String name) {
        String value = System.getenv(name);
        return value == null ? "" : value;
    }

    static Properties settings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", env("BOOTSTRAP"));
        String security = env("SECURITY");
        if (!security.equals("PLAINTEXT")) {
            settings.put("security.protocol", security);
            settings.put("ssl.truststore.type", "PKCS12");
            settings.put("ssl.truststore.location", env("TRUST_STORE"));
            settings.put("ssl.truststore.password", env("STORE_PASSWORD"));
        }
        if (security.equals("SSL")) {
            settings.put("ssl.keystore.type", "PKCS12");
            settings.put("ssl.keystore.location", env("KEY_STORE"));
            settings.put("ssl.keystore.password", env("STORE_PASSWORD"));
            settings.put("ssl.key.password", env("STORE_PASSWORD"));
        }
        if (security.startsWith("SASL")) {
            String mechanism = env("MECHANISM");
            String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
            settings.put("sasl.mechanism", mechanism);
            settings.put("sasl.jaas.config", "org.apache.kafka.common.security." + module + " required username=\""
                    + env("USERNAME") + "\" password=\"" + env("PASSWORD") + "\";");
        }
        return settings;
    }

    /** The step does what it should; it may name topics. */
    static void expect(String name, Callable<Collection<String>> step) {
        try {
            Collection<String> topics = inTime(step);
            OUT.println("{\"step\": \"" + name + "\", \"ok\": true" + listed(topics) + "}");
        } catch (Throwable error) {
            tell(name, false, cause(error).toString());
        }
    }

    /** The step is refused with an error of this name. */
    static void expectDenial(String name, String error, Callable<Collection<String>> step) {
        try {
            inTime(step);
            tell(name, false, "it was allowed");
        } catch (Throwable thrown) {
            Throwable cause = cause(thrown);
            tell(name, cause.getClass().getSimpleName().equals(error), cause.toString());
        }
    }

    /** Old clients wait without end for a broker that does not understand them. */
    private static Collection<String> inTime(Callable<Collection<String>> step) throws Exception {
        FutureTask<Collection<String>> task = new FutureTask<>(step);
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return task.get(WAIT_MS, TimeUnit.MILLISECONDS);
    }

    static void shown(String name, boolean right) {
        if (!right) {
            throw new IllegalStateException(name);
        }
    }

    private static Throwable cause(Throwable error) {
        return error instanceof ExecutionException && error.getCause() != null ? cause(error.getCause()) : error;
    }

    private static String listed(Collection<String> topics) {
        return topics == null ? "" : ", \"topics\": [\"" + String.join("\", \"", new TreeSet<>(topics)) + "\"]";
    }

    private static void tell(String name, boolean ok, String error) {
        String text = error.replaceAll("[\\\\\"\\p{Cntrl}]", " ");
        OUT.println("{\"step\": \"" + name + "\", \"ok\": " + ok + ", \"error\": \"" + text + "\"}");
    }
}
