package org.berth.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Messages about a limit of images name a setting that there is. */
class ImageLimitsTest {
    @Test
    void aSettingThatAMessageNamesIsOne() throws IOException {
        Matcher names = Pattern.compile("\"(image-[a-z-]+)\"")
                .matcher(Files.readString(Path.of("src/main/java/org/berth/oci/ImageLimits.java")));
        int found = 0;
        for (; names.find(); found++) {
            String name = names.group(1);
            assertTrue(Stream.of(Setting.values()).anyMatch(s -> s.key().equals(name)), name);
        }
        assertEquals(7, found);
    }
}
