package org.berth.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.berth.cli.PlannedCommands;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.oci.ImageLimits;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SiteConfigReaderTest {
    @TempDir
    Path folder;

    @Test
    void theShippedFileNamesEverySettingAndChangesNone() throws IOException {
        String shipped = Files.readString(Path.of("conf/berth.yaml"));
        for (Setting setting : Setting.values()) {
            assertTrue(shipped.contains("#" + setting.key() + ":"), setting.key());
        }
        assertEquals(SiteConfig.DEFAULTS, read(shipped));
    }

    @Test
    void theDefaultsThatTheShippedFileShowsAreTheRealOnes() throws IOException {
        String uncommented = Files.readString(Path.of("conf/berth.yaml"))
                .lines()
                .filter(line -> line.matches("#(  - |[a-z_-]+:).*"))
                .map(line -> line.substring(1))
                .reduce("", (a, b) -> a + b + "\n");
        assertEquals(SiteConfig.DEFAULTS, read(uncommented));
    }

    @Test
    void apptainersDirectivesAreUnderstood() throws IOException {
        SiteConfig site = read("""
                # comment
                mount home = no
                bind path = /project
                bind path = /sw:/software
                sessiondir max size = 16
                allow setuid = yes
                mount dev = minimal
                """);
        assertFalse(site.mountHome());
        assertEquals(
                List.of(
                        new SiteConfig.SiteBind(Path.of("/project"), Path.of("/project")),
                        new SiteConfig.SiteBind(Path.of("/sw"), Path.of("/software"))),
                site.binds());
        assertEquals(16, site.sessionMib());
        assertEquals(SiteConfig.DeviceMode.MINIMAL, site.mountDev());
    }

    @Test
    void limitsOfImagesAreNumbersWithPowersOf1024() throws IOException {
        ImageLimits limits = read("image-max-entries: 7\nimage-max-size: 3T\nimage-max-path: 2K\n")
                .imageLimits();
        assertEquals(7, limits.entries());
        assertEquals(3L << 40, limits.bytes());
        assertEquals(2048, limits.pathBytes());
        assertEquals(ImageLimits.DEFAULTS.depth(), limits.depth());
        assertMessage("image max depth: '9 m' is not a number, with K, M, G or T", "image-max-depth: 9 m\n");
        assertMessage("image max size: '-1' is not a number", "image-max-size: -1\n");
    }

    @Test
    void aMistakeNamesFileAndSetting() {
        assertMessage("unknown setting 'mount-hone'", "mount-hone: yes\n");
        assertMessage("mount home: 'maybe' is not yes or no", "mount-home: maybe\n");
        assertMessage("sessiondir max size: 'big' is not a number of MiB", "sessiondir-max-size: big\n");
        assertMessage("bind path: 'relative' is not absolute paths", "bind-path: relative\n");
        assertMessage("configuration file", "a: [\n");
        assertMessage("Global tag is not allowed: tag:yaml.org,2002:java.io.File", "driver-root: !!java.io.File [x]\n");
        assertMessage("sessiondir max size: '0x40' is not a number", "sessiondir-max-size: 0x40\n");
        assertMessage("mount home: 'a table' is not plain values", "mount-home: {a: b}\n");
        assertMessage("it holds no settings", "[a, b]\n");
    }

    @Test
    void aPathWithANulCharacterIsAMistakeOfTheFile() {
        assertMessage("driver root: '/a?b' is not a path", "driver-root: \"/a\\0b\"\n");
        assertMessage("squashfuse path: '/a?' is not a path", "squashfuse-path: \"/a\\0\"\n");
        assertMessage("bind path: '/a?' is not a path", "bind-path: [\"/a\\0\"]\n");
        assertMessage("limit container paths: '/a?' is not a path", "limit-container-paths: [\"/a\\0\"]\n");
    }

    @Test
    void truthIsWrittenInManyWays() throws IOException {
        for (String no : List.of("no", "No", "false", "FALSE", "off")) {
            assertFalse(read("mount-home: %s\n".formatted(no)).mountHome(), no);
        }
        for (String yes : List.of("yes", "Yes", "true", "on")) {
            assertTrue(read("mount-hostfs: %s\n".formatted(yes)).mountHostfs(), yes);
        }
    }

    @Test
    void namesAreAListOrSeparatedByCommas() throws IOException {
        List<String> owners = List.of("alice", "0123");
        assertEquals(
                owners,
                read("limit-container-owners: [alice, 0123]\n")
                        .containerLimits()
                        .owners());
        assertEquals(
                owners,
                read("limit-container-owners: alice, 0123\n").containerLimits().owners());
        assertEquals(
                owners,
                read("limit container owners = alice, 0123\n").containerLimits().owners());
        assertEquals(
                List.of(),
                read("limit container owners = NULL\n").containerLimits().owners());
        assertFalse(read("allow container dir = no\n").containerLimits().directory());
    }

    @Test
    void theAddressOfALibraryIsAWebAddress() throws IOException {
        assertEquals(
                Optional.of(URI.create("http://localhost:8080/lib")),
                read("library: http://localhost:8080/lib/\n").library());
        for (String wrong :
                List.of("ftp://x", "library.example.org", "https://", "https://u:p@x", "https://x?y", "https://x y")) {
            assertMessage(
                    "library: '%s' is not the address of a library".formatted(wrong), "library: %s\n".formatted(wrong));
        }
    }

    private void assertMessage(String part, String text) {
        HostException e = assertThrows(HostException.class, () -> read(text));
        assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
    }

    private SiteConfig read(String text) throws IOException {
        Path file = folder.resolve("settings");
        Files.writeString(file, text);
        Host host = new Host(PlannedCommands.facts(List.of("version"), Map.of(), 1001));
        return SiteConfigReader.read(host, Optional.of(file.toString()));
    }

    @Test
    void placesAndLimitsOfTheSite() throws IOException {
        PlaceSettings places = read("""
                cache-path: [/scratch/$USER, "$HOME/x"]
                tmp-path: /local
                cache-max-bytes: 20G
                cache-max-files: 1000
                stage: always
                stage-path: []
                stage-nodes: 8
                stage-size: none
                """).places();
        assertEquals(
                new PlaceSettings(
                        List.of("/scratch/$USER", "$HOME/x"),
                        List.of("/local"),
                        OptionalLong.of(20L << 30),
                        OptionalLong.of(1000),
                        PlaceSettings.Staging.ALWAYS,
                        List.of(),
                        8,
                        OptionalLong.empty()),
                places);
        HostException e = assertThrows(HostException.class, () -> read("cache-max-bytes: lots"));
        assertTrue(e.getMessage().contains("cache max bytes: 'lots' is not a number"), e.getMessage());
        assertThrows(HostException.class, () -> read("stage: sometimes"));
    }

    @Test
    void amountsOfBytes() {
        assertEquals(Optional.of(0L), ByteAmount.parse("0"));
        assertEquals(Optional.of(500L << 20), ByteAmount.parse("500M"));
        assertEquals(Optional.of(2L << 40), ByteAmount.parse("2TiB"));
        assertEquals(Optional.of(3L << 10), ByteAmount.parse("3KB"));
        for (String wrong : List.of("", "-1", "G", "1.5G", "10g", "99999999999T", "1GG")) {
            assertEquals(Optional.empty(), ByteAmount.parse(wrong), wrong);
        }
    }
}
