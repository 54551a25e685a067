package org.berth.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.berth.error.HostException;
import org.berth.gather.PlannedCommands;
import org.berth.host.Host;
import org.berth.oci.ImageLimits;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an ordinary user's own file can do to the rules of the site: add to them. */
class OwnSettingsTest {
    private static final String GROUP = "[{name: %s, mode: whitelist, keys: [%s]}]";
    private static final String SITES_RULE = "execution-control: " + GROUP.formatted("site", "A".repeat(40)) + "\n";
    private static final String OWN_RULE = "execution-control: " + GROUP.formatted("own", "B".repeat(40)) + "\n";

    @TempDir
    Path folder;

    private SiteConfig read(String site, String own, int uid) throws IOException {
        Path prefix = folder.resolve("prefix");
        Path file = prefix.resolve("etc/berth/berth.yaml");
        Files.createDirectories(file.getParent());
        Files.writeString(file, site);
        Path named = Files.writeString(folder.resolve("own.yaml"), own);
        Host host = new Host(PlannedCommands.facts(List.of("version"), Map.of(), uid, prefix));
        return SiteConfigReader.read(host, Optional.of(named.toString()));
    }

    @Test
    void whomToTrustTheSiteAloneSays() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "only in a file of root's somebody is trusted");
        SiteConfig config = read("trusted-owners: [admin]\n", "trusted-owners: [mallory]\n", 1001);
        assertEquals(List.of("admin"), config.places().trusted().owners());
        assertEquals(
                List.of("admin"),
                read("trusted-owners: [admin]\n", "\n", 1001).places().trusted().owners());
        assertEquals(
                List.of(),
                read("\n", "trusted-owners: [mallory]\n", 1001)
                        .places()
                        .trusted()
                        .owners());
    }

    @Test
    void aForbiddenLayerStaysForbidden() throws IOException {
        String allowed = "enable-overlay: yes\nenable-underlay: yes\n";
        assertEquals(
                new LayerSettings(false, true),
                read("enable-overlay: no\n", allowed, 1001).layers());
        assertEquals(
                new LayerSettings(true, false),
                read("\n", "enable-underlay: no\n", 1001).layers());
        assertEquals(LayerSettings.ALL, read("enable-overlay: no\n", allowed, 0).layers());
    }

    /** The rules in words; with numbers at their defaults left out. */
    private static String rules(SiteConfig config) {
        String limits = config.containerLimits().stream()
                .map(each -> "%s%s%s%s%s%s%s%s"
                        .formatted(
                                each.sif() ? "" : "-sif",
                                each.encrypted() ? "" : "-encrypted",
                                each.squashfs() ? "" : "-squashfs",
                                each.extfs() ? "" : "-extfs",
                                each.directory() ? "" : "-dir",
                                each.owners().isEmpty() ? "" : each.owners(),
                                each.groups().isEmpty() ? "" : each.groups(),
                                each.paths().isEmpty() ? "" : each.paths()))
                .collect(Collectors.joining(" and "));
        String controls = config.executionControls().stream()
                .map(each -> each.groups().getFirst().name())
                .collect(Collectors.joining(" and "));
        ImageLimits images = config.imageLimits();
        return "%s;%s;%s;%d %d"
                .formatted(config.userBinds() ? "binds" : "", limits, controls, images.depth(), images.entries());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                // the site's file | the user's | what counts
                "                              |                              | binds;;;2048 5000000",
                "                              | user-bind-control: no        | ;;;2048 5000000",
                "user-bind-control: no         |                              | ;;;2048 5000000",
                "user-bind-control: no         | user-bind-control: yes       | ;;;2048 5000000",
                "allow-container-dir: no       | allow-container-dir: yes     | binds;-dir;;2048 5000000",
                "allow-container-dir: no       | allow-container-dir: no      | binds;-dir and -dir;;2048 5000000",
                "allow-container-dir: no       | allow-container-sif: no      | binds;-dir and -sif;;2048 5000000",
                "allow-container-squashfs: no~allow-container-encrypted: no~allow-container-extfs: no|mount-home: no|binds;-encrypted-squashfs-extfs;;2048 5000000",
                "limit-container-owners: [a]   | limit-container-owners: []   | binds;[a];;2048 5000000",
                "limit-container-owners: [a]   | limit-container-owners: [b]  | binds;[a] and [b];;2048 5000000",
                "                              | limit-container-groups: [b]  | binds;[b];;2048 5000000",
                "limit-container-groups: [a]   | limit container groups = NULL| binds;[a];;2048 5000000",
                "limit-container-paths: [/a]   | limit-container-paths: [/, /b]| binds;[/a] and [/, /b];;2048 5000000",
                "CONTROL                       | execution-control: no        | binds;;site;2048 5000000",
                "CONTROL                       |                              | binds;;site;2048 5000000",
                "CONTROL                       | OWN                          | binds;;site and own;2048 5000000",
                "                              | OWN                          | binds;;own;2048 5000000",
                "image-max-depth: 10           | image-max-depth: 20          | binds;;;10 5000000",
                "image-max-depth: 20           | image-max-depth: 10          | binds;;;10 5000000",
                "image-max-depth: 10           | image-max-entries: 7         | binds;;;10 7",
                "image-max-depth: 9999         | image-max-depth: 9000        | binds;;;9000 5000000",
                "                              | image-max-depth: 9000        | binds;;;2048 5000000"
            })
    void anOrdinaryUsersFileForbidsMoreAndAllowsNothing(String site, String own, String rules) throws IOException {
        assertEquals(rules, rules(read(text(site), text(own), 1001)));
    }

    private static String text(String settings) {
        return settings == null
                ? ""
                : settings.replace("CONTROL", SITES_RULE)
                        .replace("OWN", OWN_RULE)
                        .replace('~', '\n');
    }

    @Test
    void whatIsNoRuleIsTheUsersOwn() throws IOException {
        SiteConfig config = read(
                "mount-home: no\nstage: always\nsquashfuse-path: /site/squashfuse\nallow-container-dir: no\n",
                "mount-tmp: no\nstage-path: /local\nsessiondir-max-size: 100\n",
                1001);
        assertTrue(config.mountHome());
        assertEquals(false, config.mountTmp());
        assertEquals(Optional.empty(), config.squashfuse());
        assertEquals(PlaceSettings.Staging.AUTO, config.places().staging());
        assertEquals(List.of("/local"), config.places().stagePaths());
        assertEquals(100, config.sessionMib());
    }

    @Test
    void theAdministratorsFileTakesThePlaceOfTheSites() throws IOException {
        assertEquals("binds;;;2048 5000000", rules(read(SITES_RULE + "allow-container-dir: no\n", "", 0)));
        assertEquals("binds;;own;2048 5000000", rules(read("no settings at all", OWN_RULE, 0)));
    }

    @Test
    void aFaultOfTheSitesFileIsNotPassedOverByNamingAnother() {
        HostException e = assertThrows(HostException.class, () -> read("allow-container-dri: no\n", "", 1001));
        assertTrue(e.getMessage().contains("prefix/etc/berth/berth.yaml, line 1: unknown setting"), e.getMessage());
    }

    @Test
    void theSitesFileNamedAgainIsNothingNew() throws IOException {
        read(SITES_RULE, "", 1001);
        Path prefix = folder.resolve("prefix");
        Host host = new Host(PlannedCommands.facts(List.of("version"), Map.of(), 1001, prefix));
        SiteConfig once = SiteConfigReader.read(host, Optional.empty());
        assertEquals(
                once,
                SiteConfigReader.read(
                        host, Optional.of(prefix.resolve("etc/berth/berth.yaml").toString())));
    }

    @Test
    void itIsKnownWhichFileForbids() throws IOException {
        SiteConfig config = read(
                SITES_RULE + "user-bind-control: no\nimage-max-depth: 10\nimage-max-ratio: 20\nimage-max-size: 1M\n",
                "allow-container-dir: no\nimage-max-depth: 20\nimage-max-ratio: 10\nimage-max-size: 1M\n",
                1001);
        List<String> told = config.restrictions().stream()
                .map(each -> each.file().getFileName() + " " + each.setting().key())
                .sorted()
                .toList();
        assertEquals(
                List.of(
                        "berth.yaml execution-control",
                        "berth.yaml image-max-depth",
                        "berth.yaml image-max-size",
                        "berth.yaml user-bind-control",
                        "own.yaml allow-container-dir",
                        "own.yaml image-max-ratio"),
                told);
    }
}
