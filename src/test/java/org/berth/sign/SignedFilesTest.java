package org.berth.sign;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.berth.config.SiteConfig;
import org.berth.config.SiteConfigReader;
import org.berth.error.BerthException;
import org.berth.gather.PlannedCommands;
import org.berth.host.Host;
import org.berth.image.RootfsSource;
import org.berth.oci.Digest;
import org.berth.policy.Provenance;
import org.berth.policy.SitePolicy;
import org.berth.resolve.LocalImages;
import org.berth.resolve.LocalImages.Mounting;
import org.berth.sif.Architecture;
import org.berth.sif.DataType;
import org.berth.sif.FileSystemType;
import org.berth.sif.HashType;
import org.berth.sif.Link;
import org.berth.sif.PartitionType;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifEditor;
import org.berth.sif.SifFile;
import org.berth.sif.SifObject;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.PGPSignatureGenerator;
import org.bouncycastle.openpgp.PGPSignatureSubpacketGenerator;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentSignerBuilder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Under execution control, whatever is done to a signed file, to its signatures, to the keys or to the rules: what is mounted is
 * what the trusted key signed, or nothing.
 *
 * <p>Each case goes the way of a launch: the site's settings, the kind of the file, the policy, the squashfs's own length, and then
 * the part of the file that the launcher would be told to mount, whose bytes are compared.
 */
class SignedFilesTest {
    private static final Path FIXTURES = Path.of("src/test/resources/sif");
    private static final long NOW = 1_800_000_000;
    private static final char[] NO_PASSPHRASE = {};
    private static final PgpSecretKey TRUSTED = key("Trusted <t@e.org>");
    private static final PgpSecretKey OTHER = key("Other <o@e.org>");
    private static final int TABLE = 4096;
    private static final int DESCRIPTOR = 585;

    private static PgpSecretKey key(String name) {
        return PgpSecretKey.generate(name, 2048, NO_PASSPHRASE, Instant.now().minusSeconds(1000));
    }

    @TempDir
    Path folder;

    private Path image = Path.of("/");
    private Path settings = Path.of("/");
    private byte[] signed = {};
    private Set<Digest> trusted = Set.of();
    private List<PgpPublicKey> keyring = List.of(TRUSTED.publicKey());

    @BeforeEach
    void signAnImage() throws IOException {
        image = folder.toRealPath().resolve("image.sif");
        settings = folder.resolve("berth.yaml");
        Files.copy(FIXTURES.resolve("mini.sif"), image);
        Signing.sign(image, new Selection.AllGroups(), TRUSTED.unlock(NO_PASSPHRASE), NOW);
        signed = Files.readAllBytes(image);
        SifDescriptor partition = SifFile.read(image).primaryPartition().orElseThrow();
        trusted = Set.of(Digest.sha256(Arrays.copyOfRange(signed, (int) partition.offset(), (int) partition.end())));
        whitelist("whitelist", TRUSTED);
        assertEquals("runs", outcome());
    }

    private void whitelist(String mode, PgpSecretKey... keys) throws IOException {
        List<String> fingerprints =
                Arrays.stream(keys).map(key -> key.description().fingerprint()).toList();
        Files.writeString(
                settings, "execution-control: [{name: g, mode: %s, keys: %s}]\n".formatted(mode, fingerprints));
    }

    /** {@code runs} with the bytes that were signed, or {@code refused}. */
    private String outcome() throws IOException {
        return refusal().map(e -> "refused").orElse("runs");
    }

    /** Why the image does not run; empty if what would be mounted is what was signed. */
    private Optional<BerthException> refusal() throws IOException {
        try {
            Host host = new Host(PlannedCommands.facts(List.of("version"), Map.of(), 1001, folder.resolve("prefix")));
            SiteConfig site = SiteConfigReader.read(host, Optional.of(settings.toString()));
            LocalImages local = new LocalImages(host, site);
            LocalImages.Kind kind = local.kind(image);
            new SitePolicy(host, site, () -> new PgpPublicKeys(keyring, PgpIdentity.Place.GLOBAL))
                    .requireAllowed(kind, image, new Provenance.Named());
            LocalImages.requireWhole(kind);
            RootfsSource.Squashfs mounted = (RootfsSource.Squashfs)
                    local.runnable(kind, image, "x", Mounting.UNPACK).rootfs();
            byte[] bytes = Files.readAllBytes(mounted.file());
            byte[] part = Arrays.copyOfRange(
                    bytes, Math.toIntExact(mounted.offset()), Math.toIntExact(mounted.offset() + mounted.size()));
            assertTrue(trusted.contains(Digest.sha256(part)), "what is mounted is not what was signed");
            return Optional.empty();
        } catch (BerthException e) {
            return Optional.of(e);
        }
    }

    private String outcome(byte[] file) throws IOException {
        Files.write(image, file);
        return outcome();
    }

    // Every field of header and descriptors

    private record Field(String name, int offset, int size) {}

    private static final List<Field> HEADER = List.of(
            new Field("launch line", 0, 32),
            new Field("magic", 32, 10),
            new Field("version", 42, 3),
            new Field("architecture", 45, 3),
            new Field("id", 48, 16),
            new Field("created", 64, 8),
            new Field("modified", 72, 8),
            new Field("descriptors free", 80, 8),
            new Field("descriptors total", 88, 8),
            new Field("descriptors offset", 96, 8),
            new Field("descriptors size", 104, 8),
            new Field("data offset", 112, 8),
            new Field("data size", 120, 8));

    private static final List<Field> OBJECT = List.of(
            new Field("type", 0, 4),
            new Field("used", 4, 1),
            new Field("id", 5, 4),
            new Field("group", 9, 4),
            new Field("link", 13, 4),
            new Field("offset", 17, 8),
            new Field("size", 25, 8),
            new Field("size with padding", 33, 8),
            new Field("created", 41, 8),
            new Field("modified", 49, 8),
            new Field("uid", 57, 8),
            new Field("gid", 65, 8),
            new Field("name", 73, 128),
            new Field("file system", 201, 4),
            new Field("kind of partition", 205, 4),
            new Field("architecture", 209, 3),
            new Field("rest of extra", 212, 373));

    /** Other values of a field: each bit the other way, the ends of its range, its neighbours, what others have there. */
    private static List<byte[]> values(byte[] file, int offset, int size, List<byte[]> others) {
        byte[] old = Arrays.copyOfRange(file, offset, offset + size);
        List<byte[]> values = new ArrayList<>(others);
        for (int bit = 0; bit < size * 8; bit += size > 16 ? 7 : 1) {
            byte[] flipped = old.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            values.add(flipped);
        }
        for (int fill : new int[] {0, 1, 0x7f, 0xff}) {
            byte[] filled = new byte[size];
            Arrays.fill(filled, (byte) fill);
            values.add(filled);
        }
        if (size == 8) {
            long number = ByteBuffer.wrap(old).order(ByteOrder.LITTLE_ENDIAN).getLong();
            for (long value : new long[] {
                number + 1, number - 1, Long.MIN_VALUE, Long.MAX_VALUE, file.length, file.length - number, -number, 4096
            }) {
                values.add(ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(value)
                        .array());
            }
        }
        values.removeIf(value -> Arrays.equals(value, old));
        return values;
    }

    private void change(String where, int base, Field field, List<byte[]> others, Map<String, Set<String>> outcomes)
            throws IOException {
        Set<String> seen = new java.util.TreeSet<>();
        for (byte[] value : values(signed, base + field.offset, field.size, others)) {
            byte[] changed = signed.clone();
            System.arraycopy(value, 0, changed, base + field.offset, field.size);
            seen.add(outcome(changed));
        }
        outcomes.put(where + ": " + field.name, seen);
    }

    @Test
    void everyFieldOfTheHeader() throws IOException {
        Map<String, Set<String>> outcomes = new TreeMap<>();
        for (Field field : HEADER) {
            change("header", 0, field, List.of(), outcomes);
        }
        // What is not signed of the header does not choose what is mounted, or is refused where it would.
        assertEquals(
                List.of("architecture", "created", "data offset", "data size", "descriptors free", "modified"),
                running(outcomes));
    }

    @Test
    void everyFieldOfEveryObject() throws IOException {
        Map<String, Set<String>> outcomes = new TreeMap<>();
        for (int object = 0; object < 3; object++) {
            for (Field field : OBJECT) {
                List<byte[]> others = new ArrayList<>();
                for (int other = 0; other < 3; other++) {
                    int at = TABLE + other * DESCRIPTOR + field.offset;
                    others.add(Arrays.copyOfRange(signed, at, at + field.size));
                }
                change(
                        List.of("definition", "partition", "signature").get(object),
                        TABLE + object * DESCRIPTOR,
                        field,
                        others,
                        outcomes);
            }
        }
        // The mask of a group's number, another number for "used", when it was changed, and how much lies before it.
        List<String> free = List.of("group", "modified", "size with padding", "used");
        assertEquals(free, running(outcomes, "definition"));
        assertEquals(free, running(outcomes, "partition"));
        // The signature object's descriptor is not signed; its type, link, place and key must fit, and what it holds.
        assertEquals(
                List.of(
                        "created",
                        "file system",
                        "gid",
                        "group",
                        "id",
                        "modified",
                        "name",
                        "rest of extra",
                        "size",
                        "size with padding",
                        "uid",
                        "used"),
                running(outcomes, "signature"));
    }

    private static List<String> running(Map<String, Set<String>> outcomes) {
        return running(outcomes, "");
    }

    private static List<String> running(Map<String, Set<String>> outcomes, String where) {
        return outcomes.entrySet().stream()
                .filter(entry ->
                        entry.getKey().startsWith(where) && entry.getValue().contains("runs"))
                .map(entry -> entry.getKey().substring(entry.getKey().indexOf(": ") + 2))
                .distinct()
                .sorted()
                .toList();
    }

    @Test
    void everyByteOfTheObjectsAndBetweenThem() throws IOException {
        SifFile file = SifFile.read(image);
        for (SifDescriptor object : file.descriptors()) {
            int step = object.type() == DataType.PARTITION ? 97 : 1;
            for (long at = object.offset(); at < object.end(); at += step) {
                byte[] changed = signed.clone();
                changed[(int) at] ^= 1;
                String outcome = outcome(changed);
                // In a signature's armor a bit may be one of its checksum or of a blank.
                assertTrue(
                        object.type() == DataType.SIGNATURE || outcome.equals("refused"),
                        "object %d at %d".formatted(object.id(), at));
            }
        }
        for (int at : new int[] {128, 4000, 32100, 32700, signed.length - 1}) {
            byte[] changed = signed.clone();
            changed[at] ^= 1;
            outcome(changed);
        }
    }

    // What else can be done to the file

    private Map<String, Consumer<SifFile>> edits() {
        SifObject generic = SifObject.of(DataType.GENERIC, "x");
        SifObject system =
                SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64, "evil");
        SifObject overlay =
                SifObject.partition(FileSystemType.EXT3, PartitionType.OVERLAY, Architecture.AMD64, "overlay");
        Map<String, Consumer<SifFile>> edits = new LinkedHashMap<>();
        edits.put("an object in the signed group", file -> add(generic));
        edits.put("an object in a group of its own", file -> add(generic.inGroup(2)));
        edits.put("an object in no group", file -> add(generic.inGroup(0)));
        edits.put("an overlay in the signed group", file -> add(overlay));
        edits.put("an overlay in a group of its own", file -> add(overlay.inGroup(2)));
        edits.put("an overlay in no group", file -> add(overlay.inGroup(0)));
        edits.put("the definition deleted", file -> SifEditor.delete(image, 1, SifEditor.Wipe.KEEP, NOW));
        edits.put("the partition deleted", file -> SifEditor.delete(image, 2, SifEditor.Wipe.KEEP, NOW));
        edits.put("the signature deleted", file -> SifEditor.delete(image, 3, SifEditor.Wipe.KEEP, NOW));
        edits.put("another partition in its place", file -> {
            SifEditor.delete(image, 2, SifEditor.Wipe.KEEP, NOW);
            add(system);
        });
        edits.put("another partition in a group of its own", file -> {
            SifEditor.delete(image, 2, SifEditor.Wipe.KEEP, NOW);
            add(system.inGroup(2));
        });
        edits.put(
                "signed again by another",
                file -> Signing.sign(image, new Selection.AllGroups(), OTHER.unlock(NO_PASSPHRASE), NOW));
        edits.put("a signature of another file", file -> {
            Path another = folder.resolve("another.sif");
            try {
                Files.copy(FIXTURES.resolve("two-archs.sif"), another);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
            SifFile read = Signing.sign(another, new Selection.AllGroups(), TRUSTED.unlock(NO_PASSPHRASE), NOW);
            SifDescriptor signature = read.first(DataType.SIGNATURE).orElseThrow();
            SifEditor.delete(image, 3, SifEditor.Wipe.KEEP, NOW);
            sign(read.bytes(signature, 1 << 20), TRUSTED);
        });
        edits.put("another's signature under the trusted name", file -> {
            SifEditor.delete(image, 3, SifEditor.Wipe.KEEP, NOW);
            sign(OTHER.unlock(NO_PASSPHRASE).sign(metadata(file)).bytes(), TRUSTED);
        });
        edits.put("no signature under the trusted name", file -> {
            SifEditor.delete(image, 3, SifEditor.Wipe.KEEP, NOW);
            sign(new byte[0], TRUSTED);
        });
        edits.put("metadata alone under the trusted name", file -> {
            SifEditor.delete(image, 3, SifEditor.Wipe.KEEP, NOW);
            sign(metadata(file), TRUSTED);
        });
        for (int algorithm : new int[] {HashAlgorithmTags.MD5, HashAlgorithmTags.SHA1, HashAlgorithmTags.RIPEMD160}) {
            edits.put("the trusted key with hash " + algorithm, file -> {
                SifEditor.delete(image, 3, SifEditor.Wipe.KEEP, NOW);
                sign(signature(metadata(file), algorithm, Instant.now()), TRUSTED);
            });
        }
        edits.put("the trusted key tomorrow", file -> {
            SifEditor.delete(image, 3, SifEditor.Wipe.KEEP, NOW);
            sign(
                    signature(
                            metadata(file),
                            HashAlgorithmTags.SHA256,
                            Instant.now().plusSeconds(86_400)),
                    TRUSTED);
        });
        return edits;
    }

    private SifFile add(SifObject object) {
        byte[] content = "hsqs and nothing else".getBytes(StandardCharsets.US_ASCII);
        return SifEditor.add(image, List.of(new SifEditor.Addition(object, content)), NOW);
    }

    private SifFile sign(byte[] signature, PgpSecretKey named) {
        byte[] fingerprint = HexFormat.of().parseHex(named.description().fingerprint());
        SifObject object = SifObject.signature(HashType.SHA256, new Link.ToGroup(1), fingerprint);
        return SifEditor.add(image, List.of(new SifEditor.Addition(object, signature)), NOW);
    }

    private static byte[] metadata(SifFile file) {
        return SignedMetadata.of(
                        file,
                        1,
                        file.descriptors().stream()
                                .filter(object -> object.type() != DataType.SIGNATURE)
                                .toList())
                .json();
    }

    private static byte[] signature(byte[] message, int hash, Instant created) {
        PgpSigner signer = (PgpSigner) TRUSTED.unlock(NO_PASSPHRASE);
        try {
            PGPSignatureGenerator generator = new PGPSignatureGenerator(
                    new BcPGPContentSignerBuilder(signer.signing().getAlgorithm(), hash), signer.signing());
            generator.init(PGPSignature.CANONICAL_TEXT_DOCUMENT, signer.secret());
            PGPSignatureSubpacketGenerator hashed = new PGPSignatureSubpacketGenerator();
            hashed.setSignatureCreationTime(false, Date.from(created));
            hashed.setIssuerKeyID(false, signer.signing().getKeyID());
            generator.setHashedSubpackets(hashed.generate());
            generator.update(ClearText.signedBytes(message));
            return ClearText.encode(message, "SHA256", KeyForm.ARMORED.encode(generator.generate()::encode));
        } catch (PGPException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void objectsAndSignaturesAddedTakenAwayAndExchanged() throws IOException {
        List<String> run = new ArrayList<>();
        for (Map.Entry<String, Consumer<SifFile>> edit : edits().entrySet()) {
            Files.write(image, signed);
            edit.getValue().accept(SifFile.read(image));
            if (outcome().equals("runs")) {
                run.add(edit.getKey());
            }
        }
        assertEquals(List.of("signed again by another"), run);
    }

    @Test
    void groupsOfOneFileInAnother() throws IOException {
        // Deterministic images have the same id: only what is signed tells them apart.
        Path other = folder.resolve("other.sif");
        Files.copy(FIXTURES.resolve("two-archs.sif"), other);
        Signing.sign(other, new Selection.AllGroups(), OTHER.unlock(NO_PASSPHRASE), NOW);
        byte[] bytes = Files.readAllBytes(other);
        byte[] spliced = Arrays.copyOf(signed, signed.length + bytes.length);
        System.arraycopy(bytes, 0, spliced, signed.length, bytes.length);
        for (int object = 0; object < 4; object++) {
            for (int slot = 0; slot < 4; slot++) {
                byte[] changed = spliced.clone();
                int at = TABLE + slot * DESCRIPTOR;
                System.arraycopy(bytes, TABLE + object * DESCRIPTOR, changed, at, DESCRIPTOR);
                ByteBuffer fields = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
                fields.putLong(at + 17, fields.getLong(at + 17) + signed.length);
                fields.putInt(at + 5, slot + 1);
                outcome(changed);
            }
        }
    }

    @Test
    void everyCharacterOfAClearTextSignature() throws IOException {
        SifDescriptor signature = SifFile.read(image).first(DataType.SIGNATURE).orElseThrow();
        int start = (int) signature.offset();
        int end = (int) signature.end();
        int text = new String(signed, StandardCharsets.ISO_8859_1).indexOf("{", start);
        int armor = new String(signed, StandardCharsets.ISO_8859_1).indexOf("\n-----BEGIN PGP SIGNATURE", start);
        for (byte other : new byte[] {0, '\n', ' ', '-', ':', 'A', '=', (byte) 0x80}) {
            for (int at = start; at < end; at++) {
                byte[] changed = signed.clone();
                changed[at] = other;
                String outcome = outcome(changed);
                // Inside the text nothing may change at all.
                if (at >= text && at < armor && signed[at] != other) {
                    assertEquals("refused", outcome, "character %d to %d".formatted(at - start, other));
                }
            }
        }
    }

    @Test
    void aSignatureByAKeyFileIsNoneForExecutionControl() throws IOException {
        for (String fixture : List.of("signed-rsa.sif", "signed-object.sif", "tampered.sif", "tampered-def.sif")) {
            assertEquals("refused", outcome(Files.readAllBytes(FIXTURES.resolve(fixture))), fixture);
        }
    }

    @Test
    void everyByteOfADsseEnvelope() throws IOException {
        Path file = folder.resolve("dsse.sif");
        byte[] whole = Files.readAllBytes(FIXTURES.resolve("signed-rsa.sif"));
        KeyMaterial key = PemKeys.verifier(FIXTURES.resolve("rsa.pub"), "rsa.pub");
        SifFile read = SifFile.read(FIXTURES.resolve("signed-rsa.sif"));
        SifDescriptor signature = read.first(DataType.SIGNATURE).orElseThrow();
        byte[] metadata = metadata(read);
        for (long at = signature.offset(); at < signature.end(); at++) {
            byte[] changed = whole.clone();
            changed[(int) at] ^= 1;
            Files.write(file, changed);
            try {
                Verification.verify(
                        SifFile.read(file), new Selection.AllGroups(), Verification.Form.CURRENT, key, heard -> {});
                Dsse envelope =
                        Dsse.parse(SifFile.read(file).bytes(signature, 1 << 20)).orElseThrow();
                assertEquals(
                        new String(metadata, StandardCharsets.UTF_8),
                        new String(envelope.payload(), StandardCharsets.UTF_8));
            } catch (BerthException e) {
                // Refused in a sentence.
            }
        }
    }

    // Keys and rules

    @Test
    void keysThatAreNotTheTrustedOne() throws IOException {
        keyring = List.of();
        assertEquals("refused", outcome());
        keyring = List.of(OTHER.publicKey());
        assertEquals("refused", outcome());
        keyring = List.of(OTHER.publicKey(), TRUSTED.publicKey());
        assertEquals("runs", outcome());
        whitelist("whitelist", OTHER);
        assertEquals("refused", outcome());
        whitelist("whitestrict", TRUSTED, OTHER);
        assertEquals("refused", outcome());
        whitelist("blacklist", TRUSTED);
        assertEquals("refused", outcome());
        whitelist("blacklist", OTHER);
        assertEquals("runs", outcome());
    }

    @Test
    void everyByteOfTheTrustedKey() throws IOException {
        byte[] key = TRUSTED.publicKey().encoded(KeyForm.BINARY);
        Path file = folder.resolve("ring");
        for (int at = 0; at < key.length; at += 3) {
            byte[] changed = key.clone();
            changed[at] ^= 4;
            Files.write(file, changed);
            try {
                keyring = PgpKeyring.keysOf(file, "ring").publicKeys();
            } catch (BerthException e) {
                continue;
            }
            // A changed key has another fingerprint, or a self-signature that is not valid; both are good for nothing.
            // Parts that
            // nobody signs may change.
            outcome();
        }
        whitelist("whitelist", TRUSTED);
        Files.write(image, Files.readAllBytes(FIXTURES.resolve("mini.sif")));
        assertEquals("refused", outcome());
    }

    /** An unsigned image never runs, whatever single character of the rules is another one. */
    @Test
    void everyCharacterOfAnEclToml() throws IOException {
        Path ecl = folder.resolve("ecl.toml");
        Files.writeString(settings, "execution-control: %s\n".formatted(ecl));
        String text = """
                activated = true
                legacyinsecure = false
                [[execgroup]]
                tagname = "group1"
                mode = "whitelist"
                dirpath = "%s"
                keyfp = ["%s"]
                [[execgroup]]
                tagname = "group2"
                mode = "blacklist"
                keyfp = ["%s"]
                """.formatted(
                        image.getParent(),
                        TRUSTED.description().fingerprint(),
                        OTHER.description().fingerprint());
        Files.writeString(ecl, text);
        assertEquals("runs", outcome(signed));
        byte[] unsigned = Files.readAllBytes(FIXTURES.resolve("mini.sif"));
        Files.write(image, unsigned);
        for (char other : "#\n \"'=[]{}.,x0AZ\t".toCharArray()) {
            for (int at = 0; at < text.length(); at++) {
                Files.writeString(ecl, text.substring(0, at) + other + text.substring(at + 1));
                assertEquals("refused", outcome(), "%d to '%c'".formatted(at, other));
            }
        }
        for (int at = 0; at < text.length(); at++) {
            Files.writeString(ecl, text.substring(0, at) + text.substring(at + 1));
            assertEquals("refused", outcome(), "without " + at);
            Files.writeString(ecl, text.substring(0, at));
            assertEquals("refused", outcome(), "cut at " + at);
        }
        for (String line : text.split("\n")) {
            Files.writeString(ecl, text.replace(line + "\n", ""));
            assertEquals("refused", outcome(), "without " + line);
        }
    }

    /** The same for berth.yaml. */
    @Test
    void everyCharacterOfTheSitesSettings() throws IOException {
        String text = "allow-container-dir: no\n" + Files.readString(settings);
        byte[] unsigned = Files.readAllBytes(FIXTURES.resolve("mini.sif"));
        Files.write(image, unsigned);
        int rules = text.indexOf("execution");
        List<String> open = new ArrayList<>();
        for (char other : "#\n \"'-[]{}:,x0A\t".toCharArray()) {
            for (int at = 0; at < text.length(); at++) {
                Files.writeString(settings, text.substring(0, at) + other + text.substring(at + 1));
                if (outcome().equals("runs")) {
                    open.add(at + " to " + other);
                }
            }
        }
        // The mark of a comment before the whole rule, or just where it begins: that is what switches it off.
        assertEquals(
                List.of(rules - 1 + " to #", rules + " to #").stream()
                        .filter(open::contains)
                        .toList(),
                open);
    }
}
