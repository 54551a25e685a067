package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdviceTest {
    private static List<String> advice(String... words) {
        List<String> argv = new ArrayList<>(List.of("berth"));
        argv.addAll(List.of(words));
        CommandLineException e = assertThrows(CommandLineException.class, () -> CommandLineParser.parse(argv));
        return Advice.of(String.valueOf(e.getMessage()), e.command());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            exec --bnd /a x.sif ls        | Did you mean this? --bind
            exec --forc x.sif ls          |
            exec --force x.sif ls         | --force is an option of pull, build, cache clean, container save, not of exec
            exec --volume /a x.sif ls     | Instead of --volume: --bind SRC:DST
            exec --gpus all x.sif ls      | Instead of --gpus: --nv
            exec --rm x.sif ls            | Leave --rm out: a container has your terminal and your standard input, and nothing of it is left
            exec -it x.sif ls             | Leave -it out: a container has your terminal and your standard input
            exec --debug x.sif ls         | --debug (print debugging messages) stands before the command: berth --debug exec
            exec -d x.sif ls              | -d (print debugging messages) stands before the command: berth -d exec
            pull --nohttps docker://x     | Instead of --nohttps: --no-https
            pull --fource docker://x      | Did you mean this? --force
            --verbos exec x.sif ls        | Did you mean this? --verbose
            exce x.sif ls                 | Did you mean this? exec
            login docker.io               | Here that is: berth registry login docker://HOST
            images                        | Here that is: berth cache list
            ps                            | Here that is: berth container list
            x.sif                         | Is that an image? berth run x.sif
            docker://alpine               | Is that an image? berth run docker://alpine
            frobnicate                    |
            exec --frobnicate x.sif ls    |
            """)
    void whatWasProbablyMeant(String typed, String told) {
        List<String> lines = advice(typed.strip().split(" "));
        assertEquals(told == null ? "" : told, String.join(" ", lines).replaceAll("[\\n\\t]+", " "), typed);
    }

    @Test
    void dockersMountsAndMoreWordsAreTwoThings() {
        assertEquals(
                List.of(
                        "Docker's -v SRC:DST is --bind SRC:DST",
                        "-v (print additional information) stands before the command: berth -v exec"),
                advice("exec", "-v", "/a:/b", "x.sif", "ls"));
    }

    @Test
    void aGroupTellsItsCommands() {
        for (List<String> words : List.of(List.of("container"), List.of("container", "nosuch"))) {
            String told = String.join("", advice(words.toArray(String[]::new)));
            assertTrue(told.startsWith("Its commands are:\n\tberth container list"), told);
            assertTrue(told.contains("berth container remove"), told);
        }
    }

    /** What people of other programs type must not be an option or a command of ours: then it would never be told. */
    @Test
    void noAdviceIsMeantForWhatIsThere() {
        for (String word : List.of("login", "logout", "images", "rmi", "ps", "rm", "commit", "import", "load")) {
            assertEquals(false, OptionTable.command(word).isPresent(), word);
        }
    }
}
