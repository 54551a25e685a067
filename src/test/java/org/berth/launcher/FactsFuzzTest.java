package org.berth.launcher;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.junit.jupiter.api.Test;

/** What another launcher, or none, would hand over. */
class FactsFuzzTest {
    @Test
    void facts() {
        byte[] whole = String.join(
                        "\0",
                        "berth-facts",
                        "1",
                        "argv",
                        "2",
                        "berth",
                        "exec",
                        "env",
                        "2",
                        "A=1",
                        "B=",
                        "ids",
                        "5",
                        "1",
                        "1",
                        "2",
                        "2",
                        "7",
                        "passwd",
                        "4",
                        "alice",
                        "Alice",
                        "/home/alice",
                        "/bin/sh",
                        "groups",
                        "1",
                        "7:wheel",
                        "cwd",
                        "1",
                        "/data",
                        "umask",
                        "1",
                        "27",
                        "tty",
                        "3",
                        "1",
                        "0",
                        "1",
                        "prefix",
                        "1",
                        "/opt",
                        "uname",
                        "5",
                        "L",
                        "n",
                        "6",
                        "v",
                        "x86_64",
                        "end",
                        "")
                .getBytes(StandardCharsets.UTF_8);
        List<String> words = List.of(
                "\0",
                "argv",
                "ids",
                "groups",
                "cwd",
                "umask",
                "tty",
                "uname",
                "-1",
                "99999999999",
                "8",
                "9:",
                ":",
                "\udcff");
        Fuzz.of("facts")
                .cases(3000)
                .run(random -> FactsReader.parse(
                        random.nextBoolean()
                                ? Mutation.bytes(whole, random)
                                : Mutation.text(new String(whole, StandardCharsets.UTF_8), words, random)
                                        .getBytes(StandardCharsets.UTF_8)));
    }
}
