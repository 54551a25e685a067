package org.berth.sif;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIF files as nobody would write them. */
class SifFuzzTest {
    private static final Path FIXTURES = Path.of("src/test/resources/sif");
    private static final long MOST = 1 << 20;

    @TempDir
    Path directory;

    @Test
    void headersAndDescriptors() throws IOException {
        List<byte[]> whole = new ArrayList<>();
        for (String name : List.of("mini", "two-archs", "objects", "deleted", "signed-object", "signed-rsa")) {
            Path file = FIXTURES.resolve(name + ".sif");
            if (Files.size(file) < MOST) {
                whole.add(Files.readAllBytes(file));
            }
        }
        assertTrue(whole.size() >= 3);
        Path file = directory.resolve("damaged.sif");
        Fuzz.of("sif").cases(400).run(random -> {
            Files.write(file, damaged(Mutation.one(whole, random), random));
            SifFile sif = SifFile.read(file);
            SifReport.list(sif);
            SifReport.header(sif);
            for (SifDescriptor object : sif.descriptors()) {
                assertFalse(
                        SifReport.info(object).matches("(?s).*[\\p{Cntrl}&&[^\n]].*"), "control characters are shown");
                sif.bytes(object, MOST);
                sif.copy(object, OutputStream.nullOutputStream());
                object.signedFields(object.id());
            }
            sif.primaryPartition();
        });
    }

    /** Mostly in the header and the table, where numbers are. */
    private static byte[] damaged(byte[] whole, RandomGenerator random) {
        byte[] bytes = whole.clone();
        ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int left = Mutation.few(4, random); left > 0; left--) {
            int entry = SifFormat.DESCRIPTORS_OFFSET + random.nextInt(4) * SifFormat.DESCRIPTOR_SIZE;
            switch (random.nextInt(5)) {
                case 0 -> words.putLong(64 + 8 * random.nextInt(8), random.nextLong() >> random.nextInt(64));
                case 1 ->
                    words.putInt(
                            entry + List.of(0, 5, 9, 13).get(random.nextInt(4)),
                            random.nextInt() >> random.nextInt(32));
                case 2 -> words.putLong(entry + 17 + 8 * random.nextInt(7), random.nextLong() >> random.nextInt(64));
                case 3 -> bytes[entry + random.nextInt(SifFormat.DESCRIPTOR_SIZE)] = (byte) random.nextInt();
                default -> bytes = Mutation.bytes(bytes, random);
            }
            if (bytes.length < 4096 + 4 * SifFormat.DESCRIPTOR_SIZE) {
                return bytes;
            }
            words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        }
        return bytes;
    }

    @Test
    void metadata() {
        String whole = """
                {"data":{"attributes":{"apps":{"a":{"environment":{"/x":"y"},"runscript":"r"}},"environment":{"/e":"1"},
                "labels":{"l":"v"},"runscript":"r","test":"t","helpfile":"h","deffile":"d","startscript":"s"}},"type":"container"}
                """;
        List<String> words = Mutation.json(
                "null",
                "1",
                "\"a\"",
                "\"data\":",
                "\"attributes\":",
                "\"apps\":",
                "\"labels\":",
                "\"runscript\":",
                "\"environment\":{",
                "{\"a\":",
                "[[[[",
                "\\u0000",
                "\\ud800");
        Fuzz.of("inspect").cases(2000).run(random -> {
            byte[] json = random.nextInt(4) == 0
                    ? Mutation.bytes(whole.getBytes(StandardCharsets.UTF_8), random)
                    : Mutation.text(whole, words, random).getBytes(StandardCharsets.UTF_8);
            InspectMetadata.parse(json, "image").toJson(InspectMetadata.Layout.INDENTED);
        });
        Fuzz.of("labels")
                .cases(1000)
                .run(random -> InspectMetadata.parseLabels(
                        Mutation.text("{\"a\":\"b\",\"c\":null}", words, random).getBytes(StandardCharsets.UTF_8),
                        "image"));
    }
}
