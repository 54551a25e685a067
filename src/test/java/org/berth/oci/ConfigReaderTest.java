package org.berth.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.error.ImageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigReaderTest {
    private static ImageConfig read(String text) {
        return ConfigReader.read(Documents.utf8(text), "config");
    }

    @Test
    void allThatALaunchNeedsIsRead() {
        ImageConfig config = read("""
            {"created":"2024-01-02T03:04:05Z","architecture":"arm64","variant":"v8","os":"linux",
             "config":{"Env":["A=b","C"],"Entrypoint":["/e"],"Cmd":["x","y"],"User":"1:2","WorkingDir":"/w",
                       "Labels":{"z":"1","a":null}},
             "rootfs":{"type":"layers","diff_ids":["%s"]}}\
            """.formatted(Documents.DIGEST));
        assertEquals(new Platform("linux", "arm64", "v8"), config.platform());
        assertEquals(List.of("A=b", "C"), config.env());
        assertEquals(List.of("/e"), config.entrypoint());
        assertEquals(List.of("x", "y"), config.cmd());
        assertEquals("1:2", config.user());
        assertEquals("/w", config.workingDir());
        assertEquals(Map.of("z", "1", "a", ""), config.labels());
        assertEquals(List.of("a", "z"), List.copyOf(config.labels().keySet()));
        assertEquals(List.of(Digest.parse(Documents.DIGEST)), config.diffIds());
        assertEquals(Optional.of("2024-01-02T03:04:05Z"), config.created());
        assertTrue(config.rawConfig().startsWith("{\"Env\":[\"A=b\",\"C\"],"), config.rawConfig());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"config\":null,\"rootfs\":null,\"history\":null}",
                "{\"config\":{\"Env\":null,\"Cmd\":null,\"Entrypoint\":null,\"Labels\":null,"
                        + "\"WorkingDir\":null,\"User\":null}}"
            })
    void absentAndNullReadAsEmpty(String text) {
        ImageConfig config = read(text);
        assertEquals(List.of(), config.env());
        assertEquals(List.of(), config.cmd());
        assertEquals(Map.of(), config.labels());
        assertEquals(Optional.empty(), config.created());
        assertEquals("", config.user());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "\u007fELF not json",
                "{\"config\":[]}",
                "{\"config\":{\"Env\":{\"A\":\"b\"}}}",
                "{\"config\":{\"Cmd\":\"echo\"}}",
                "{\"config\":{\"Entrypoint\":[1,null]}}",
                "{\"config\":{\"Labels\":[\"x\"]}}",
                "{\"config\":{\"Labels\":{\"x\":{}}}}",
                "{\"config\":{\"User\":0}}",
                "{\"os\":1}",
                "{\"rootfs\":{\"diff_ids\":[\"x\"]}}",
                "{\"rootfs\":[]}"
            })
    void wrongTypesEndInOneSentence(String text) {
        ImageException failure = assertThrows(ImageException.class, () -> read(text));
        assertTrue(failure.getMessage().startsWith("config: "), failure.getMessage());
        assertEquals(1, failure.getMessage().lines().count());
    }

    @Test
    void nestingIsBounded() {
        assertThrows(ImageException.class, () -> read("{\"x\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}"));
    }

    @Test
    void configurationMustListTheManifestsLayers() {
        Manifest manifest =
                (Manifest) Documents.read(Documents.manifest(Documents.config(), "[" + Documents.layer("1") + "]"));
        assertThrows(ImageException.class, () -> ConfigReader.requireFits(read("{}"), manifest, "x"));
        String windows = "{\"os\":\"windows\",\"rootfs\":{\"diff_ids\":[\"%s\"]}}".formatted(Documents.DIGEST);
        assertThrows(ImageException.class, () -> ConfigReader.requireFits(read(windows), manifest, "x"));
        ConfigReader.requireFits(read(windows.replace("windows", "linux")), manifest, "x");
    }
}
