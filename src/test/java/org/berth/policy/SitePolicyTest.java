package org.berth.policy;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.berth.config.SiteConfig;
import org.berth.config.SiteConfigReader;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.gather.PlannedCommands;
import org.berth.host.Host;
import org.berth.resolve.LocalImages;
import org.berth.sif.Architecture;
import org.berth.sif.DataType;
import org.berth.sif.FileSystemType;
import org.berth.sif.PartitionType;
import org.berth.sif.SifEditor;
import org.berth.sif.SifIdentity;
import org.berth.sif.SifObject;
import org.berth.sif.SifWriter;
import org.berth.sign.PgpIdentity;
import org.berth.sign.PgpKeyring;
import org.berth.sign.PgpPublicKey;
import org.berth.sign.PgpPublicKeys;
import org.berth.sign.PgpSecretKey;
import org.berth.sign.Selection;
import org.berth.sign.Signing;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The site's rules on real files; the rows of execution control are those of Apptainer's own end-to-end test of its ECL. */
class SitePolicyTest {
    private static final Path FIXTURES = Path.of("src/test/resources/sif");
    private static final long NOW = 1_800_000_000;
    private static final char[] NO_PASSPHRASE = {};
    private static final PgpSecretKey ONE = PgpSecretKey.generate("One <1@e.org>", 2048, NO_PASSPHRASE, Instant.now());
    private static final PgpSecretKey TWO = PgpSecretKey.generate("Two <2@e.org>", 2048, NO_PASSPHRASE, Instant.now());

    @TempDir
    Path folder;

    private Path images = Path.of("/");
    private List<PgpPublicKey> siteKeys = List.of(ONE.publicKey(), TWO.publicKey());
    private Provenance provenance = new Provenance.Named();
    private int uid = 1001;

    @BeforeEach
    void makeDirectory() throws IOException {
        images = Files.createDirectories(folder.toRealPath().resolve("images"));
    }

    // Execution control

    @ParameterizedTest
    @CsvSource(textBlock = """
                    # mode,       keys of the group, image,      objection
                    whitelist,    1,                 both,
                    whitelist,    2,                 both,
                    whitelist,    1,                 unsigned,   signature not found for object group 1
                    whitelist,    2,                 one,        image not signed by required entities
                    whitestrict,  1 2,               both,
                    whitestrict,  1 2,               one,        image not signed by required entities
                    whitestrict,  1,                 unsigned,   signature not found for object group 1
                    blacklist,    1,                 both,       image signed by a forbidden entity
                    blacklist,    2,                 one,
                    blacklist,    2,                 unsigned,   signature not found for object group 1
                    """)
    void theGroupOfTheDirectoryDecides(String mode, String keys, String image, String objection) throws IOException {
        assertDecision(objection, group(mode, images, keys), images.resolve(image + ".sif"));
    }

    @ParameterizedTest
    @CsvSource({
        // Only key 1 is in the site's keyring.
        "whitelist,   2,   both, not verified with the site's keys",
        "whitelist,   1 2, both,",
        "whitestrict, 1 2, both, not verified with the site's keys",
        "blacklist,   2,   both, image signed by a forbidden entity"
    })
    void aKeyThatTheSiteDoesNotHaveIsGoodForNothingButToForbid(String mode, String keys, String image, String objection)
            throws IOException {
        siteKeys = List.of(ONE.publicKey());
        assertDecision(objection, group(mode, images, keys), images.resolve(image + ".sif"));
    }

    @Test
    void anImageThatApptainerSignedIsAccepted() throws IOException {
        siteKeys = PgpKeyring.keysOf(FIXTURES.resolve("pgp.asc"), "pgp.asc").publicKeys();
        Path image = copy("signed-pgp.sif");
        String keys = "[4979b4c1c74ce79ee271f3eb466baa50efab0e0e]";
        assertDecision(null, control("whitestrict", images, keys), image);
        assertDecision("forbidden entity", control("blacklist", images, keys), image);
    }

    @Test
    void theDirectoryIsThatOfTheFileAndNotOfALinkToIt() throws IOException {
        Path elsewhere = Files.createDirectories(folder.toRealPath().resolve("elsewhere"));
        Path link = Files.createSymbolicLink(elsewhere.resolve("link.sif"), signed("both.sif", ONE, TWO));
        String rules = group("whitelist", images, "1");
        assertDecision(null, rules, link);
        Path moved = Files.copy(link, elsewhere.resolve("moved.sif"));
        assertDecision(elsewhere + " is the directory of no group (images in " + images + " may be run)", rules, moved);
        Path below = Files.createDirectories(images.resolve("below"));
        assertDecision("the directory of no group", rules, Files.copy(link, below.resolve("below.sif")));
        assertDecision(null, rules + group("blacklist", null, "2").replace("execution-control:\n", ""), one(below));
        assertDecision("forbidden", rules + group("blacklist", null, "1").replace("execution-control:\n", ""), moved);
    }

    private Path one(Path directory) throws IOException {
        return Files.move(signed("one.sif", ONE), directory.resolve("one.sif"));
    }

    @Test
    void aChangedImageAndASignatureByAKeyFileAreRefusedInEveryGroup() throws IOException {
        Path changed = signed("both.sif", ONE, TWO);
        byte[] bytes = Files.readAllBytes(changed);
        bytes[36864] ^= 1;
        Files.write(changed, bytes);
        assertDecision("data object integrity compromised: 2", group("blacklist", images, "2"), changed);
        Path dsse = copy("signed-rsa.sif");
        assertDecision("key material not provided for DSSE", group("whitestrict", images, "1"), dsse);
    }

    @Test
    void everyGroupOfObjectsNeedsTheSignature() throws IOException {
        Path image = images.resolve("two-groups.sif");
        try (SifWriter sif = SifWriter.create(image, SifIdentity.DETERMINISTIC)) {
            sif.add(
                    SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64, ""),
                    new byte[4096]);
            sif.finish(022);
        }
        SifEditor.add(
                image,
                List.of(new SifEditor.Addition(
                        SifObject.of(DataType.GENERIC, "more").inGroup(2), new byte[] {1})),
                NOW);
        Signing.sign(image, new Selection.AllGroups(), ONE.unlock(NO_PASSPHRASE), NOW);
        Signing.sign(image, new Selection.Group(2), TWO.unlock(NO_PASSPHRASE), NOW);
        assertDecision(null, group("whitelist", images, "1"), image);
        assertDecision("not of every group of objects", group("whitelist", images, "2"), image);
        assertDecision("forbidden", group("blacklist", images, "2"), image);
    }

    @Test
    void whatWasConvertedHereIsToldWhatToDo() throws IOException {
        provenance = new Provenance.Converted("docker://alpine");
        Path cached = copy("mini.sif");
        String told = refusal(group("whitelist", images, "1"), cached);
        assertTrue(
                told.startsWith("image docker://alpine may not be run: execution control, group 'g' (whitelist, "),
                told);
        assertTrue(told.contains("(what is made of docker://alpine here has no signature: pull it into a file"), told);
        assertEquals(
                "image docker://alpine may not be run: execution control: %s is the directory of no group (%s)"
                        .formatted(images, "images in /usr may be run"),
                refusal(group("whitelist", Path.of("/usr"), "1"), cached));
    }

    @Test
    void rootIsCheckedTooAndSandboxesAreNot() throws IOException {
        uid = 0;
        assertDecision("signature not found", group("whitelist", images, "1"), copy("mini.sif"));
        assertDecision(null, group("whitelist", images, "1"), images);
    }

    @Test
    void anEclTomlMeansTheSame() throws IOException {
        String text = """
                # as Apptainer has it
                activated = %s
                legacyinsecure = false

                [[execgroup]]
                  tagname = "group1"
                  mode = "whitelist"
                  dirpath = "%s"
                  keyfp = ["%s"]
                """;
        Path ecl = folder.resolve("ecl.toml");
        Path image = signed("one.sif", ONE);
        String rules = "execution-control: %s\n".formatted(ecl);
        Files.writeString(ecl, text.formatted("true", images, fingerprint("1")));
        assertDecision(null, rules, image);
        Files.writeString(ecl, text.formatted("true", images, fingerprint("2")));
        assertDecision("group 'group1' (whitelist, " + images, rules, image);
        Files.writeString(ecl, text.formatted("false", images, fingerprint("2")));
        assertDecision(null, rules, image);
        Files.writeString(ecl, "activated = true\n");
        assertDecision("names no group, so no image may be run", rules, image);
        Files.writeString(ecl, text.formatted("true", images, "12"));
        assertDecision("'12' is not a fingerprint of 40 hexadecimal digits", rules, image);
        Files.writeString(ecl, text.formatted("true", "sub/dir", fingerprint("1")));
        assertDecision("'sub/dir' is not an absolute path", rules, image);
        assertDecision("/nowhere/ecl.toml: no such file", "execution-control: /nowhere/ecl.toml\n", image);
    }

    @Test
    void oldSignaturesCountOnlyWhereTheSiteSaysSo() throws IOException {
        Path ecl = folder.resolve("ecl.toml");
        Files.writeString(ecl, """
                activated = true
                legacyinsecure = true
                [[execgroup]]
                mode = "blacklist"
                keyfp = ["%s"]
                """.formatted(fingerprint("2")));
        assertDecision(
                "signature not found for object 2", "execution-control: %s\n".formatted(ecl), signed("one.sif", ONE));
    }

    @Test
    void aDirectoryThatIsMissingOrALinkIsAnErrorOfTheSite() throws IOException {
        Path image = signed("one.sif", ONE);
        assertDecision("there is no directory /nowhere", group("whitelist", Path.of("/nowhere"), "1"), image);
        Path link = Files.createSymbolicLink(folder.toRealPath().resolve("link"), images);
        assertDecision("must be named as " + images, group("whitelist", link, "1"), image);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "execution-control: []",
                "execution-control: yes",
                "execution-control: etc/ecl.toml",
                "execution-control: [whitelist]",
                "execution-control: [{mode: greylist}]",
                "execution-control: [{mode: whitelist, key: [x]}]",
                "execution-control: [{mode: whitelist, keys: x}]",
                "execution-control: [{mode: whitelist, keys: [[x]]}]",
                "execution-control: [{mode: whitelist, directory: [x]}]",
                "execution-control:",
                "execution-control: [no]",
                "execution-control: {mode: whitelist}",
                "execution-control: [{mode: whitelist}]",
                "execution-control: [{mode: whitestrict, keys: []}]",
                "execution-control: [{mode: blacklist, keys: [], directory: /a}]",
                "execution-control: [{mode: [whitelist], keys: [4979B4C1C74CE79EE271F3EB466BAA50EFAB0E0E]}]",
                "execution-control: [{mode: whitelist, directory: \"/a\\0\"}]"
            })
    void aMistakeInTheGroupsIsAnErrorThatNamesTheFile(String text) throws IOException {
        HostException e = assertThrows(HostException.class, () -> site(text));
        assertTrue(
                String.valueOf(e.getMessage())
                        .startsWith(folder.resolve("berth.yaml") + ", line 1: execution control: "),
                e.getMessage());
    }

    @Test
    void oneDirectoryHasOneGroup() {
        String group = "{mode: %s, keys: [4979B4C1C74CE79EE271F3EB466BAA50EFAB0E0E]}";
        HostException e = assertThrows(
                HostException.class,
                () -> site("execution-control: [%s, %s]"
                        .formatted(group.formatted("whitelist"), group.formatted("blacklist"))));
        assertTrue(e.getMessage().contains("two groups are for all other directories"), e.getMessage());
    }

    /** An ecl.toml with a mistake is never one without rules; line and words of each. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "legacyinsecure = false~                     | 1: execution control: activated is missing",
                "activated = 'yes'~                          | 1: activated is not true or false",
                "activated = [true]~                         | 1: activated is not true or false",
                "activated = true~Activated = false~         | 2: activated is there twice",
                "activated = true~activated = false~         | 2: activated is there twice",
                "activatd = true~                            | 1: unknown key 'activatd' of an execution control list",
                "activated = true~[[execgroups]]~            | 2: unknown key 'execgroups' of an execution control list",
                "activated = true~[execgroup]~               | 2: execgroup is not an array of tables",
                "activated = true~[[execgroup]]~GROUP~keyfps = []|7: unknown key 'keyfps' of an [[execgroup]]",
                "[[execgroup]]~GROUP~activated = true~       | 6: unknown key 'activated' of an [[execgroup]]; what is for all",
                "activated = true~[[execgroup]]~tagname = 't'~mode = 'whitelist'~keyfp = []~|2: execution control: group 't' has no key",
                "activated = true~[[execgroup]]~tagname = 't'~mode = 'blacklist'~|2: execution control: group 't' has no key",
                "activated = true~[[execgroup]]~tagname = 't'~keyfp = 'x'~|4: keyfp is not an array of strings",
                "activated = true~[[execgroup]]~tagname = 't'~mode = 'Whitelist'~|2: execution control: group 't': the mode",
                "activated = true~[[execgroup]]~dirpath = ['/a']~|3: dirpath is not a string",
                "activated = true~legacyinsecure = 1~        | 2: legacyinsecure is not true or false"
            })
    void aMistakeInAnEclTomlIsAnErrorWithItsLine(String text, String message) throws IOException {
        String group = "tagname = 't'~mode = 'whitelist'~dirpath = ''~keyfp = ['%s']".formatted("A".repeat(40));
        Path ecl = Files.writeString(
                folder.resolve("ecl.toml"), text.replace("GROUP", group).replace('~', '\n'));
        HostException e = assertThrows(HostException.class, () -> site("execution-control: " + ecl));
        assertTrue(e.getMessage().startsWith(ecl + ", line " + message), e.getMessage());
    }

    @Test
    void keysOfAnEclTomlAreFoundInAnyCaseAsApptainerFindsThem() throws IOException {
        Path ecl = Files.writeString(
                folder.resolve("ecl.toml"),
                """
                Activated = true
                LegacyInsecure = false
                [[ExecGroup]]
                TagName = "group1"
                ListMode = "whitelist"
                """.replace("ListMode", "Mode")
                        + "DirPath = \"%s\"\nKeyFP = [\"%s\"]\n".formatted(images, fingerprint("1")));
        String rules = "execution-control: " + ecl;
        assertDecision(null, rules, images.resolve("one.sif"));
        assertDecision("signature not found", rules, images.resolve("unsigned.sif"));
    }

    @Test
    void settingsThatAreTooLongOrOutOfReachAreNotOnesWithoutRules() throws IOException {
        Path ecl = folder.resolve("ecl.toml");
        Files.writeString(ecl, "#".repeat(1 << 20) + "\nactivated = true\n");
        HostException e = assertThrows(HostException.class, () -> site("execution-control: " + ecl));
        assertTrue(e.getMessage().contains("is too long"), e.getMessage());
        Files.delete(ecl);
        Files.createSymbolicLink(ecl, folder.resolve("nothing"));
        assertTrue(assertThrows(HostException.class, () -> site("execution-control: " + ecl))
                .getMessage()
                .contains("a link to nothing"));
    }

    // Kinds, owners and places

    @ParameterizedTest
    @CsvSource({
        "allow-container-sif,       plain.sif,     running unencrypted SIF containers",
        "allow-container-encrypted, encrypted.sif, running encrypted SIF containers",
        "allow-container-squashfs,  plain.sqfs,    running squashFS containers",
        "allow-container-extfs,     plain.ext3,    running extFS containers",
        "allow-container-dir,       sandbox,       running sandbox containers"
    })
    void aKindThatIsNotAllowedIsRefusedAndTheOthersAreNot(String setting, String image, String words)
            throws IOException {
        List<Path> all = kinds();
        for (Path path : all) {
            String expected = path.endsWith(image) ? words : null;
            assertDecision(expected, setting + ": no\n", path);
        }
        assertTrue(refusal(setting + ": no\n", images.resolve(image))
                .contains("(" + folder.resolve("berth.yaml") + " has " + setting));
        uid = 0;
        assertDecision(null, setting + ": no\n", images.resolve(image));
    }

    private List<Path> kinds() throws IOException {
        byte[] squashfs = new byte[4096];
        ByteBuffer.wrap(squashfs).order(ByteOrder.LITTLE_ENDIAN).putInt(0x73717368);
        byte[] ext3 = new byte[4096];
        ext3[1080] = 0x53;
        ext3[1081] = (byte) 0xEF;
        return List.of(
                sif("plain.sif", FileSystemType.SQUASHFS),
                sif("encrypted.sif", FileSystemType.GOCRYPTFS_SQUASHFS),
                Files.write(images.resolve("plain.sqfs"), squashfs),
                Files.write(images.resolve("plain.ext3"), ext3),
                Files.createDirectories(images.resolve("sandbox")));
    }

    private Path sif(String name, FileSystemType type) throws IOException {
        Path file = images.resolve(name);
        try (SifWriter sif = SifWriter.create(file, SifIdentity.DETERMINISTIC)) {
            sif.add(SifObject.partition(type, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64, ""), new byte[4096]);
            sif.finish(022);
        }
        return file;
    }

    @Test
    void imagesMustBelongToOneOfTheOwnersAndGroups() throws IOException {
        Path image = copy("mini.sif");
        PosixFileAttributes of = Files.readAttributes(image, PosixFileAttributes.class);
        assertDecision(null, "limit-container-owners: [nobody, %s]\n".formatted(of.owner()), image);
        assertDecision("not owned by required user(s)", "limit-container-owners: [nobody]\n", image);
        assertDecision(null, "limit-container-groups: %s\n".formatted(of.group()), image);
        assertDecision("not owned by required group(s)", "limit-container-groups: [nogroup]\n", image);
        assertDecision("there is no user no-such-user here", "limit-container-owners: no-such-user\n", image);
        assertDecision(null, "limit container owners = NULL\n", image);
        assertDecision("required user(s)", "limit container owners = nobody , games\n", image);
    }

    @Test
    void imagesMustBeBelowOneOfTheDirectories() throws IOException {
        Path image = copy("mini.sif");
        assertDecision(null, "limit-container-paths: [/usr, %s]\n".formatted(folder.toRealPath()), image);
        assertDecision(null, "limit-container-paths: [%s]\n".formatted(images), images);
        assertDecision("not in an allowed configured path", "limit-container-paths: [/usr]\n", image);
        assertDecision(
                "not in an allowed configured path", "limit-container-paths: [%s]\n".formatted(image + "x"), image);
        Path link = Files.createSymbolicLink(folder.toRealPath().resolve("link"), images);
        assertDecision(null, "limit-container-paths: [%s]\n".formatted(link), image);
        provenance = new Provenance.Converted("docker://alpine");
        String told = refusal("limit-container-paths: [/usr]\n", image);
        assertTrue(told.startsWith("could not open image docker://alpine: "), told);
        assertTrue(told.contains("what comes from elsewhere is kept in " + images), told);
    }

    // How it is asked

    private static String fingerprint(String key) {
        return (key.equals("1") ? ONE : TWO).description().fingerprint();
    }

    private static String group(String mode, Path directory, String keys) {
        String fingerprints = Stream.of(keys.split(" "))
                .filter(key -> !key.isEmpty())
                .map(SitePolicyTest::fingerprint)
                .toList()
                .toString();
        return control(mode, directory, fingerprints);
    }

    private static String control(String mode, Path directory, String keys) {
        return "execution-control:\n  - name: g\n    mode: %s\n%s    keys: %s\n"
                .formatted(mode, directory == null ? "" : "    directory: " + directory + "\n", keys);
    }

    private Path copy(String name) throws IOException {
        return Files.copy(FIXTURES.resolve(name), images.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }

    private Path signed(String name, PgpSecretKey... keys) throws IOException {
        Path file = Files.copy(FIXTURES.resolve("mini.sif"), images.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        for (PgpSecretKey key : keys) {
            Signing.sign(file, new Selection.AllGroups(), key.unlock(NO_PASSPHRASE), NOW);
        }
        return file;
    }

    private SiteConfig site(String settings) throws IOException {
        Path file = Files.writeString(folder.resolve("berth.yaml"), settings);
        return SiteConfigReader.read(host(), Optional.of(file.toString()));
    }

    private Host host() {
        return new Host(PlannedCommands.facts(List.of("version"), Map.of(), uid));
    }

    private void ask(String settings, Path image) throws IOException {
        Host host = host();
        SiteConfig site = site(settings);
        new SitePolicy(host, site, () -> new PgpPublicKeys(siteKeys, PgpIdentity.Place.GLOBAL))
                .requireAllowed(new LocalImages(host, site).kind(image), image, provenance);
    }

    private String refusal(String settings, Path image) {
        BerthException e = assertThrows(BerthException.class, () -> ask(settings, image), settings);
        return e.getMessage() + e.hint().map(" (%s)"::formatted).orElse("");
    }

    private void assertDecision(@Nullable String objection, String settings, Path image) throws IOException {
        if (!Files.exists(image)) {
            switch (String.valueOf(image.getFileName())) {
                case "both.sif" -> signed("both.sif", ONE, TWO);
                case "one.sif" -> signed("one.sif", ONE);
                default -> signed(String.valueOf(image.getFileName()));
            }
        }
        if (objection == null) {
            assertDoesNotThrow(() -> ask(settings, image), settings);
        } else {
            String told = refusal(settings, image);
            assertTrue(told.contains(objection), told);
        }
    }
}
