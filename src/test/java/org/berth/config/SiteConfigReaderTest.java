package org.berth.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.berth.error.HostException;
import org.berth.gather.PlannedCommands;
import org.berth.host.Host;
import org.berth.oci.ImageLimits;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
        assertMessage("mount home: 'a table' is not a plain value", "mount-home: {a: b}\n");
        assertMessage("it holds no settings", "[a, b]\n");
    }

    /** No mistake leaves a rule out in silence: each is an error with file and line. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "#~allow-container-dri: no~                 |2: unknown setting 'allow-container-dri'",
                "Allow-Container-Dir: no~                   |1: unknown setting 'Allow-Container-Dir'",
                "allow-container-dir: [no]~                 |1: allow container dir: 'a list' is not one value",
                "allow-container-dir: [no, yes]~            |1: allow container dir: 'a list' is not one value",
                "~~allow-container-dir: {no: yes}~          |3: allow container dir: 'a table' is not a plain value",
                "allow-container-dir:~                      |1: allow container dir: '' is not yes or no",
                "allow-container-dir: nope~                 |1: allow container dir: 'nope' is not yes or no",
                "user-bind-control: []~                     |1: user bind control: 'a list' is not one value",
                "user-bind-control: n~                      |1: user bind control: 'n' is not yes or no",
                "a: b~                                      |1: unknown setting 'a'",
                "allow-container-dir: no~allow container dir: yes~|2: allow-container-dir is there twice, in line 1 too",
                "limit-container-owners:~                   |1: limit container owners: '' is not a list of names",
                "limit-container-owners: ''~                |1: limit container owners: '' is not a list of names",
                "limit-container-owners: alice,~            |1: limit container owners: 'alice,' is not a list of names",
                "limit-container-owners: [alice, '']~       |1: limit container owners: 'alice,' is not a list of names",
                "limit-container-owners: [NULL, alice]~     |1: limit container owners: 'NULL,alice' is not a list of names",
                "limit-container-owners: {alice: bob}~      |1: limit container owners: 'a table' is not a plain value",
                "limit-container-owners: [[alice]]~         |1: limit container owners: 'a list in a list' is not a plain value",
                "limit-container-groups: ','~               |1: limit container groups: ',' is not a list of names",
                "limit-container-paths: [sw]~               |1: limit container paths: 'sw' is not an absolute path",
                "limit-container-paths: ''~                 |1: limit container paths: '' is not a list of names",
                "image-max-size: [1T, 1M]~                  |1: image max size: 'a list' is not one value",
                "image-max-size:~                           |1: image max size: '' is not a number",
                "enable overlay = preferred~                |1: enable overlay: 'preferred' is not yes, no or try or driver",
                "enable underlay = try~                     |1: enable underlay: 'try' is not yes, no or preferred",
                "execution-control:~                        |1: execution control: '' is neither 'no'",
                "allow container dri = no~                  |1: unknown directive 'allow container dri'",
                "# a~limit containers owners = alice~       |2: unknown directive 'limit containers owners'",
                "Limit Container Owners = alice~            |1: unknown directive 'Limit Container Owners'",
                "limit-container-owners = alice~            |1: unknown directive 'limit-container-owners'",
                "limit container owners =~                  |1: limit container owners: '' is not a list of names",
                "limit container owners = alice~limit container owners =~|2: limit container owners: 'alice,' is not a list",
                "allow container dir = no~allow container dir = yes~|2: allow container dir is there twice, in line 1 too",
                "allow container dir = no # never~          |1: allow container dir: 'no # never' is not yes or no",
                "allow container dir = no~mount home: yes~  |in 'reader', line 2"
            })
    void aMistakeInARuleIsAnErrorWithItsLine(String text, String message) {
        HostException e = assertThrows(HostException.class, () -> read(text.replace('~', '\n')));
        assertTrue(e.getMessage().contains(folder.resolve("settings").toString()), e.getMessage());
        assertTrue(e.getMessage().contains(message.startsWith("in") ? message : ", line " + message), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "enable overlay = yes~enable underlay = yes~,     true,  true",
        "enable overlay = try~enable underlay = no~,      true,  false",
        "enable overlay = driver~,                        true,  true",
        "enable overlay = no~enable underlay = preferred~,false, true",
        "enable-overlay: no~enable-underlay: no~,         false, false",
    })
    void whichLayersMayLieOverAnImage(String text, boolean overlay, boolean underlay) throws IOException {
        assertEquals(
                new LayerSettings(overlay, underlay),
                read(text.replace('~', '\n')).layers());
    }

    @Test
    void settingsThatAreTooLongAreNotReadInPart() {
        assertMessage("is too long", "#".repeat(1 << 20) + "\nallow-container-dir: no\n");
    }

    @Test
    void theSitesFileOutOfReachIsNotOneWithoutRules() throws IOException {
        Files.createDirectories(folder.resolve("prefix/etc/berth"));
        assertEquals(SiteConfig.DEFAULTS, SiteConfigReader.read(host(1001), Optional.empty()));
        Files.createSymbolicLink(folder.resolve("prefix/etc/berth/berth.yaml"), folder.resolve("nothing"));
        for (Optional<String> named : List.of(Optional.<String>empty(), Optional.of("/dev/null"))) {
            HostException e = assertThrows(HostException.class, () -> SiteConfigReader.read(host(1001), named));
            assertTrue(e.getMessage().contains("a link to nothing"), e.getMessage());
        }
    }

    @Test
    void everyDirectiveOfAnApptainerConfIsKnown() throws IOException {
        // As Apptainer 1.5 ships it, each at its default.
        SiteConfig site = read("""
                allow setuid = yes
                max loop devices = 256
                allow pid ns = yes
                allow ipc ns = yes
                allow uts ns = yes
                allow user ns = yes
                config passwd = yes
                config group = yes
                config resolv_conf = yes
                mount proc = yes
                mount sys = yes
                mount dev = yes
                mount devpts = yes
                mount home = yes
                mount tmp = yes
                mount hostfs = no
                bind path = /etc/localtime
                bind path = /etc/hosts
                user bind control = yes
                enable fusemount = yes
                enable overlay = yes
                enable underlay = yes
                mount slave = yes
                sessiondir max size = 64
                #limit container owners = gmk, apptainer, nobody
                #limit container groups = group1, apptainer, nobody
                #limit container paths = /scratch, /tmp, /global
                allow container sif = yes
                allow container encrypted = yes
                allow container squashfs = yes
                allow container extfs = yes
                allow container dir = yes
                allow setuid-mount encrypted = yes
                allow setuid-mount squashfs = iflimited
                allow setuid-mount extfs = no
                #allow net users = gmk, apptainer
                always use nv = no
                use nvidia-container-cli = no
                always use rocm = no
                root default capabilities = full
                memory fs type = tmpfs
                #cni configuration path =
                #cni plugin path =
                binary path = $PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                #mksquashfs procs = 0
                mksquashfs procs = 0
                #mksquashfs mem = 1G
                shared loop devices = no
                #image driver =
                download concurrency = 3
                download part size = 5242880
                download buffer size = 32768
                systemd cgroups = yes
                apptheus communication socket path = /run/apptheus/gateway.sock
                allow monitoring = no
                """);
        assertEquals(SiteConfig.DEFAULTS, site);
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
                        .getFirst()
                        .owners());
        assertEquals(
                owners,
                read("limit-container-owners: alice, 0123\n")
                        .containerLimits()
                        .getFirst()
                        .owners());
        assertEquals(
                owners,
                read("limit container owners = alice, 0123\n")
                        .containerLimits()
                        .getFirst()
                        .owners());
        assertEquals(List.of(), read("limit container owners = NULL\n").containerLimits());
        assertFalse(
                read("allow container dir = no\n").containerLimits().getFirst().directory());
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
        return readFile(file);
    }

    private SiteConfig readFile(Path file) {
        return SiteConfigReader.read(host(0), Optional.of(file.toString()));
    }

    private Host host(int uid) {
        return new Host(PlannedCommands.facts(List.of("version"), Map.of(), uid, folder.resolve("prefix")));
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
                        OptionalLong.empty(),
                        PlaceSettings.Trusted.NOBODY),
                places);
        HostException e = assertThrows(HostException.class, () -> read("cache-max-bytes: lots"));
        assertTrue(e.getMessage().contains("cache max bytes: 'lots' is not a number"), e.getMessage());
        assertThrows(HostException.class, () -> read("stage: sometimes"));
    }

    @Test
    void whomToTrustIsRootsToSay() throws IOException {
        Path file =
                Files.writeString(folder.resolve("trust.yaml"), "trusted-owners: [alice, 7]\ntrusted-groups: lab\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        boolean root = Integer.valueOf(0).equals(Files.getAttribute(file, "unix:uid"));
        if (root) {
            assertEquals(
                    new PlaceSettings.Trusted(List.of("alice", "7"), List.of("lab")),
                    readFile(file).places().trusted());
            Files.setAttribute(file, "unix:uid", 12345);
        }
        HostException another = assertThrows(HostException.class, () -> readFile(file));
        assertTrue(another.getMessage().contains("trusted-owners and trusted-groups count only in a file"));
        if (root) {
            Files.setAttribute(file, "unix:uid", 0);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-r--"));
            assertThrows(HostException.class, () -> readFile(file));
        }
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
