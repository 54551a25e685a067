package org.berth.gather;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.berth.error.BerthException;
import org.junit.jupiter.api.Test;

/** The launcher gives a larger heap to what fetches or converts an image, by the schemes that there are. */
class ProfileTest {
    @Test
    void theLauncherKnowsTheSchemesOfAllImagesThatHaveToBeGot() throws IOException {
        String source = Files.readString(Path.of("src/main/c/profile.c"));
        int from = source.indexOf("schemes[] = {");
        Set<String> known = Pattern.compile("\"([a-z-]+)\"")
                .matcher(source.substring(from, source.indexOf("};", from)))
                .results()
                .map(scheme -> scheme.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> there = new TreeSet<>();
        for (String scheme : ImageName.SCHEME
                .pattern()
                .replaceFirst("^\\(([^)]*)\\).*", "$1")
                .split("\\|")) {
            try {
                if (ImageName.parse(scheme + "://name") instanceof ImageName.Distant) {
                    there.add(scheme);
                }
            } catch (BerthException e) {
                // Not there, or not yet.
            }
        }
        assertEquals(there, known);
    }
}
