package org.berth.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settings of a site as nobody would write them: taken, or refused in a sentence. */
class ConfigFuzzTest {
    private static final List<String> YAML =
            Mutation.yaml("yes", "no", "/a", "/a:/b", "minimal", "auto", "-1", "99999999999999999999", " = ", "# ");

    @TempDir
    Path directory;

    @Test
    void settings() throws IOException {
        String shipped = Files.readString(Path.of("conf/berth.yaml"));
        // As a site has it that decides everything: each setting with its mark of a comment taken away.
        String decided = shipped.replaceAll("(?m)^#([a-z][a-z -]*:)", "$1");
        String directives =
                "mount dev = minimal\nbind path = /etc/hosts\nbind path = /a:/b\nlimit container paths = /x\nuser bind control = no\n";
        List<String> words = new ArrayList<>(YAML);
        for (Setting setting : Setting.values()) {
            words.add(setting.directive() + ": ");
            words.add(setting.directive() + " = ");
        }
        Path file = directory.resolve("berth.yaml");
        List<String> whole = List.of(shipped, decided, directives, "");
        Fuzz.of("berth.yaml").cases(500).run(random -> {
            String text = Mutation.text(Mutation.one(whole, random), words, random);
            Files.writeString(file, text.replaceAll("\\p{Cs}", "?"));
            SiteConfigReader.read(host(), Optional.of(file.toString()));
        });
    }

    private Host host() {
        return new Host(new Facts(
                List.of("berth"),
                Map.of(),
                1000,
                1000,
                List.of(1000),
                new Facts.Account("alice", "", "/home/alice", "/bin/sh"),
                Map.of(),
                directory,
                true,
                022,
                false,
                false,
                directory,
                "node",
                "x86_64"));
    }
}
