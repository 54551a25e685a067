package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Who asks for an option asks for one that there is. */
class OptionLookupsTest {
    private static final Pattern LOOK_UP =
            Pattern.compile("invocation(?:\\.shared\\(\\))?\\s*\\.(flag|value|values|given)\\(\\s*\"([a-z0-9-]+)\"");

    @Test
    void eachNameInTheSourceIsAnOptionOfThatKind() throws IOException {
        Set<String> unknown = new TreeSet<>();
        int found = 0;
        for (String room : List.of("command", "gather", "terminal")) {
            try (Stream<Path> files = Files.list(Path.of("src/main/java/org/berth", room))) {
                for (Path file : files.toList()) {
                    List<MatchResult> lookUps =
                            LOOK_UP.matcher(Files.readString(file)).results().toList();
                    found += lookUps.size();
                    lookUps.stream()
                            .filter(lookUp -> !isThere(lookUp.group(2), lookUp.group(1)))
                            .forEach(lookUp -> unknown.add(file.getFileName() + ": " + lookUp.group(2)));
                }
            }
        }
        assertEquals(Set.of(), unknown);
        assertTrue(found > 100, "only " + found + " were found");
    }

    private static boolean isThere(String name, String how) {
        return OptionTable.COMMANDS.stream()
                .flatMap(command -> command.options().stream())
                .filter(option -> option.name().equals(name))
                .anyMatch(option -> how.equals("given") || how.equals("flag") == (option.kind() == Option.Kind.FLAG));
    }

    @Test
    void whatACommandLacksIsNoSilentNo() throws CommandLineException {
        Invocation exec = CommandLineParser.parse(List.of("berth", "exec", "--nv", "x.sif", "true"));
        assertTrue(exec.flag("nv"));
        assertThrows(IllegalArgumentException.class, () -> exec.flag("sandbox"));
        assertThrows(IllegalArgumentException.class, () -> exec.value("nv"));
        assertThrows(IllegalArgumentException.class, () -> exec.flag("bind"));
        assertThrows(IllegalArgumentException.class, () -> exec.given("force"));
        assertEquals(false, exec.shared().flag("sandbox"));
    }
}
