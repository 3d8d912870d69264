// Apache Artemis inside a process: java -cp CLASS_PATH Artemis.java FOLDER, with FOLDER/broker.xml.
import java.nio.file.Path;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;

public class Artemis {
    public static void main(String[] arguments) throws Exception {
        EmbeddedActiveMQ broker = new EmbeddedActiveMQ();
        broker.setConfigResourcePath(Path.of(arguments[0], "broker.xml").toUri().toString());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                broker.stop();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        broker.start();
        Thread.currentThread().join();
    }
}
