package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The Slurm plugin's table of options, in C, says what {@code berth hold} understands, and the documentation what it says. */
class SlurmOptionsTest {
    private static final Pattern ROW = Pattern.compile("\\[OPTION_\\w+\\] =\\s*\\{(.*?)\\}", Pattern.DOTALL);
    private static final Pattern CELL = Pattern.compile("((?:\"(?:[^\"\\\\]|\\\\.)*\"\\s*)+)|NULL|OPTION_\\w+");

    /**
     * A row of {@code slurm-plugin/options.c}.
     *
     * @param argument empty for a flag
     * @param flag of {@code berth hold}, with its dashes; empty for what is not passed on as one
     */
    private record Row(String name, String argument, String help, String key, String flag) {
        static Row of(String text) {
            List<String> cells = new ArrayList<>();
            for (Matcher cell = CELL.matcher(text); cell.find(); ) {
                String strings = cell.group(1);
                cells.add(
                        strings == null
                                ? ""
                                : strings.strip().replaceAll("\"\\s*\"", "").replaceAll("^\"|\"$", ""));
            }
            assertEquals(6, cells.size(), text);
            return new Row(cells.get(0), cells.get(1), cells.get(2), cells.get(3), cells.get(4));
        }
    }

    private static List<Row> rows() throws IOException {
        String source = Files.readString(Path.of("slurm-plugin/options.c"));
        String table = source.substring(source.indexOf("table[OPTION_COUNT]") + 23, source.indexOf("};"));
        List<Row> rows = new ArrayList<>();
        for (Matcher row = ROW.matcher(table); row.find(); ) {
            rows.add(Row.of(row.group(1)));
        }
        return rows;
    }

    @Test
    void eachIsAnOptionOfHoldWithAValueWhereItHasOne() throws IOException {
        List<Option> known = OptionTable.command("hold").orElseThrow().options();
        int passedOn = 0;
        for (Row row : rows()) {
            if (row.flag().isEmpty()) {
                continue;
            }
            passedOn++;
            Optional<Option> option = known.stream()
                    .filter(o -> ("--" + o.name()).equals(row.flag())
                            || o.aliases().contains(row.flag().substring(2)))
                    .findFirst();
            assertTrue(option.isPresent(), row.flag() + " is no option of berth hold");
            assertEquals(
                    row.argument().isEmpty(),
                    option.orElseThrow().kind() == Option.Kind.FLAG,
                    row.name() + " and hold's " + row.flag() + " do not agree on whether there is a value");
        }
        assertTrue(passedOn > 10, passedOn + " rows were read");
    }

    @Test
    void eachIsDocumentedByItsName() throws IOException {
        String page = Files.readString(Path.of("docs/slurm.md"));
        for (Row row : rows()) {
            assertTrue(page.contains("--" + row.name()), row.name() + " is not in docs/slurm.md");
        }
    }
}
