package org.berth.sign;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.sif.Architecture;
import org.berth.sif.DataType;
import org.berth.sif.FileSystemType;
import org.berth.sif.HashType;
import org.berth.sif.Link;
import org.berth.sif.PartitionType;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifEditor;
import org.berth.sif.SifFile;
import org.berth.sif.SifIdentity;
import org.berth.sif.SifObject;
import org.berth.sif.SifWriter;
import org.berth.sign.Selection.AllGroups;
import org.berth.sign.Selection.Group;
import org.berth.sign.Selection.OneObject;
import org.berth.sign.Verification.Form;
import org.berth.sign.Verification.Outcome;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPPublicKeyRing;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.PGPSignatureGenerator;
import org.bouncycastle.openpgp.PGPSignatureSubpacketGenerator;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Signatures that Apptainer made (src/test/resources/sif), our own, and files that were changed after signing. */
class SignatureTest {
    private static final Path FIXTURES = Path.of("src/test/resources/sif");
    private static final long NOW = 1_800_000_000;
    private static final char[] NO_PASSPHRASE = {};
    /* One for all tests: making one takes a second. */
    private static final PgpSecretKey KEY =
            PgpSecretKey.generate("Tester (test) <t@example.org>", 2048, "secret".toCharArray(), Instant.now());

    @TempDir
    Path directory;

    @Test
    void dsseSignatureOfApptainerVerifies() {
        List<Outcome> heard = verify(FIXTURES.resolve("signed-rsa.sif"), new AllGroups(), pem("rsa.pub"));
        assertEquals(1, heard.size());
        assertEquals(
                List.of(1, 2),
                heard.getFirst().verified().stream().map(SifDescriptor::id).toList());
    }

    @Test
    void signedObjectVerifiesAloneButDoesNotVouchForItsGroup() {
        Path file = FIXTURES.resolve("signed-object.sif");
        verify(file, new OneObject(2), pem("ed25519.pub"));
        assertEquals("integrity: object 1: object not signed", refused(file, new AllGroups(), pem("ed25519.pub")));
        assertEquals("integrity: object 3: object not signed", refused(file, new OneObject(3), pem("ed25519.pub")));
    }

    @ParameterizedTest
    @CsvSource({"tampered,2", "tampered-def,1"})
    void changedObjectIsNamed(String name, int object) {
        assertEquals(
                "integrity: data object integrity compromised: " + object,
                refused(FIXTURES.resolve(name + ".sif"), new AllGroups(), pem("rsa.pub")));
    }

    @Test
    void wrongKeysAreRefusedInApptainersWords() {
        Path file = FIXTURES.resolve("signed-rsa.sif");
        String envelope =
                "signature object 3 not valid: dsse: verify envelope failed: accepted signatures do not match threshold, Found: 0, Expected 1";
        assertEquals("integrity: " + envelope, refused(file, new AllGroups(), pem("ed25519.pub")));
        assertEquals(
                "integrity: key material not provided for DSSE envelope signature",
                refused(file, new AllGroups(), new KeyMaterial.Pgp(List.of())));
        assertEquals("integrity: group not found", refused(file, new Group(7), pem("rsa.pub")));
        assertEquals("integrity: object not found", refused(file, new OneObject(9), pem("rsa.pub")));
        assertEquals(
                "integrity: signature not found for object group 1",
                refused(FIXTURES.resolve("mini.sif"), new AllGroups(), pem("rsa.pub")));
        assertEquals(
                "integrity: non-signature object not associated with object group: 5",
                refused(FIXTURES.resolve("objects.sif"), new AllGroups(), pem("rsa.pub")));
    }

    @ParameterizedTest
    @CsvSource({"Ed25519,255", "RSA,2048", "EC,256", "EC,384"})
    void pemKeysSignWhatTheyVerify(String algorithm, int size) throws IOException, GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
        generator.initialize(size);
        KeyPair pair = generator.generateKeyPair();
        Path secret = pemFile("PRIVATE KEY", pair.getPrivate().getEncoded());
        Path known = pemFile("PUBLIC KEY", pair.getPublic().getEncoded());
        Path file = copy("mini.sif");
        Signing.sign(file, new AllGroups(), PemKeys.signer(secret, "secret", () -> NO_PASSPHRASE), NOW);
        verify(file, new AllGroups(), PemKeys.verifier(known, "known"));
        SifDescriptor signature = SifFile.read(file).object(3).orElseThrow();
        assertEquals(new Link.ToGroup(1), signature.link());
        assertEquals(0, signature.group());
        assertEquals(Optional.empty(), signature.signature().orElseThrow().fingerprint());
    }

    @Test
    void filesThatAreNoKeysAreRefused() throws IOException {
        Path text = Files.writeString(directory.resolve("k"), "hello");
        assertThrows(UsageException.class, () -> PemKeys.verifier(text, "k"));
        assertThrows(UsageException.class, () -> PemKeys.signer(FIXTURES.resolve("rsa.pub"), "k", () -> NO_PASSPHRASE));
        Path cut = pemFile("PUBLIC KEY", new byte[] {0x30, 0x20, 1});
        assertThrows(UsageException.class, () -> PemKeys.verifier(cut, "k"));
    }

    @Test
    void clearTextSignatureOfApptainerVerifiesAndItsTextIsSigned() throws IOException {
        byte[] bytes = Files.readAllBytes(FIXTURES.resolve("signed-pgp.signature.txt"));
        List<PgpPublicKeys> keys = List.of(new PgpPublicKeys(
                PgpKeyring.keysOf(FIXTURES.resolve("pgp.asc"), "pgp.asc").publicKeys(), PgpIdentity.Place.GLOBAL));
        Opened opened = PgpSignature.open(ClearText.parse(bytes).orElseThrow(), keys);
        Opened.Message message = (Opened.Message) opened;
        assertEquals(
                "4979B4C1C74CE79EE271F3EB466BAA50EFAB0E0E",
                message.signer().orElseThrow().fingerprint());
        assertArrayEquals(message.bytes(), SignedMetadata.parse(message.bytes()).json());
        byte[] other = bytes.clone();
        other[200] ^= 1;
        assertRefused(
                "openpgp: invalid signature",
                PgpSignature.open(ClearText.parse(other).orElseThrow(), keys));
        assertRefused(
                "openpgp: signature made by unknown entity",
                PgpSignature.open(ClearText.parse(bytes).orElseThrow(), List.of()));
    }

    private static void assertRefused(String reason, Opened opened) {
        assertEquals(reason, ((Opened.Refused) opened).reason());
    }

    @Test
    void openPgpKeySignsWhatItVerifies() throws IOException {
        Path file = copy("mini.sif");
        assertTrue(KEY.locked());
        assertThrows(UsageException.class, () -> KEY.unlock("wrong".toCharArray()));
        Signing.sign(file, new AllGroups(), KEY.unlock("secret".toCharArray()), NOW);
        PgpSecretKey unlocked = KEY.relocked("secret".toCharArray(), NO_PASSPHRASE);
        Signing.sign(file, new OneObject(2), unlocked.unlock(NO_PASSPHRASE), NOW);
        assertEquals(
                1, verify(file, new OneObject(2), own()).getFirst().verified().size());
        assertEquals(
                "integrity: object 1: object not signed",
                refused(file, new AllGroups(), own()),
                "every signature of a group has to cover it");
        assertEquals(
                "Tester (test) <t@example.org>",
                verify(file, new OneObject(2), own())
                        .getFirst()
                        .signer()
                        .orElseThrow()
                        .name());
    }

    @Test
    void signatureUnderAnothersFingerprintIsRefused() throws IOException {
        Path file = copy("mini.sif");
        SifFile read = SifFile.read(file);
        byte[] metadata = SignedMetadata.of(read, 1, read.descriptors()).json();
        byte[] text = KEY.unlock("secret".toCharArray()).sign(metadata).bytes();
        SifObject object = SifObject.signature(HashType.SHA256, new Link.ToGroup(1), new byte[20]);
        SifEditor.add(file, List.of(new SifEditor.Addition(object, text)), NOW);
        assertEquals(
                "integrity: fingerprint in descriptor does not correspond to signing entity",
                refused(file, new AllGroups(), own()));
    }

    @Test
    void allGroupsAreSignedAtOnce() throws IOException {
        Path file = copy("mini.sif");
        SifEditor.add(
                file,
                List.of(new SifEditor.Addition(
                        SifObject.of(DataType.GENERIC, "x").inGroup(2), new byte[3])),
                NOW);
        SifFile signed = Signing.sign(file, new AllGroups(), KEY.unlock("secret".toCharArray()), NOW);
        assertEquals(5, signed.descriptors().size());
        assertEquals(2, verify(file, new AllGroups(), own()).size());
    }

    /** Where in a signed file a bit is changed, and what is found: offsets by section 2 and 3 of the format. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "launch line         |     5 | header integrity compromised",
                "image id            |    50 | header integrity compromised",
                "type of object 1    |  4096 | data object descriptor integrity compromised: 1",
                "link of object 1    |  4109 | data object descriptor integrity compromised: 1",
                "creation of object 1|  4137 | data object descriptor integrity compromised: 1",
                "name of object 1    |  4169 | data object descriptor integrity compromised: 1",
                "name of object 2    |  4754 | data object descriptor integrity compromised: 2",
                "extra of object 2   |  4886 | data object descriptor integrity compromised: 2",
                "data of object 1    | 32176 | data object integrity compromised: 1",
                "data of object 2    | 40959 | data object integrity compromised: 2",
                "header architecture |    46 |",
                "header modified at  |    72 |",
                "modified at object 1|  4145 |",
                "padding of object 2 |  4714 |",
                "gap before object 2 | 32700 |"
            })
    void changedBitIsFoundWhereItMatters(String where, int offset, String problem) throws IOException {
        Path file = copy("signed-rsa.sif");
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.seek(offset);
            int before = bytes.read();
            bytes.seek(offset);
            bytes.write(before ^ 1);
        }
        if (problem == null) {
            verify(file, new AllGroups(), pem("rsa.pub"));
        } else {
            assertEquals("integrity: " + problem, refused(file, new AllGroups(), pem("rsa.pub")), where);
        }
    }

    @Test
    void movedObjectStillVerifies() throws IOException {
        Path file = copy("signed-rsa.sif");
        byte[] bytes = Files.readAllBytes(file);
        int end = bytes.length;
        ByteBuffer moved =
                ByteBuffer.allocate(end + 54).order(ByteOrder.LITTLE_ENDIAN).put(bytes);
        moved.put(end, bytes, 32176, 54);
        moved.putLong(4096 + 17, end);
        Files.write(file, moved.array());
        verify(file, new AllGroups(), pem("rsa.pub"));
    }

    @Test
    void objectPutIntoASignedGroupIsFound() throws IOException {
        Path file = copy("signed-rsa.sif");
        SifEditor.add(file, List.of(new SifEditor.Addition(SifObject.of(DataType.GENERIC, "x"), new byte[3])), NOW);
        assertEquals("integrity: object 4: object not signed", refused(file, new AllGroups(), pem("rsa.pub")));
    }

    @Test
    void objectTakenOutOfASignedGroupIsFound() throws IOException {
        Path file = copy("signed-rsa.sif");
        SifEditor.delete(file, 2, SifEditor.Wipe.KEEP, NOW);
        assertEquals("integrity: object 2: signed object not found", refused(file, new AllGroups(), pem("rsa.pub")));
    }

    @Test
    void legacySignaturesCountOnlyWhenAskedFor() throws IOException, GeneralSecurityException {
        Path file = directory.resolve("legacy.sif");
        byte[] data = "the partition".getBytes(StandardCharsets.UTF_8);
        try (SifWriter writer = SifWriter.create(file, SifIdentity.DETERMINISTIC)) {
            writer.add(
                    SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64, ""),
                    data);
            writer.finish(022);
        }
        String text = "SIFHASH:\n"
                + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-384").digest(data));
        byte[] signed = KEY.unlock("secret".toCharArray())
                .sign(text.getBytes(StandardCharsets.UTF_8))
                .bytes();
        byte[] fingerprint = HexFormat.of().parseHex(KEY.description().fingerprint());
        for (Link link : List.of(new Link.ToObject(1), new Link.ToGroup(1))) {
            SifObject object = SifObject.signature(HashType.SHA384, link, fingerprint);
            SifEditor.add(file, List.of(new SifEditor.Addition(object, signed)), NOW);
        }
        SifFile read = SifFile.read(file);
        for (Form form : List.of(Form.LEGACY, Form.LEGACY_ALL)) {
            Verification.verify(read, new AllGroups(), form, own(), outcome -> {});
        }
        Verification.verify(read, new Group(1), Form.LEGACY, own(), outcome -> {});
        assertEquals("integrity: signature not found for object group 1", refused(file, new AllGroups(), own()));
    }

    /** A clear-text signature of these hashed subpackets. */
    private static byte[] signed(byte[] message, Consumer<PGPSignatureSubpacketGenerator> subpackets) {
        return clear(message, List.of(signature(message, subpackets)));
    }

    private static byte[] clear(byte[] message, List<PGPSignature> signatures) {
        ByteArrayOutputStream packets = new ByteArrayOutputStream();
        byte[] armor = KeyForm.ARMORED.encode(out -> {
            for (PGPSignature signature : signatures) {
                signature.encode(out);
            }
        });
        packets.writeBytes(armor);
        return ClearText.encode(message, "SHA256", packets.toByteArray());
    }

    private static PGPSignature signature(byte[] message, Consumer<PGPSignatureSubpacketGenerator> subpackets) {
        PgpSigner signer = (PgpSigner) KEY.unlock("secret".toCharArray());
        try {
            PGPSignatureGenerator generator = new PGPSignatureGenerator(
                    new BcPGPContentSignerBuilder(signer.signing().getAlgorithm(), HashAlgorithmTags.SHA256),
                    signer.signing());
            generator.init(PGPSignature.CANONICAL_TEXT_DOCUMENT, signer.secret());
            PGPSignatureSubpacketGenerator hashed = new PGPSignatureSubpacketGenerator();
            hashed.setIssuerKeyID(false, signer.signing().getKeyID());
            subpackets.accept(hashed);
            generator.setHashedSubpackets(hashed.generate());
            generator.update(ClearText.signedBytes(message));
            return generator.generate();
        } catch (PGPException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Opened open(byte[] message) {
        return ClearText.parse(message)
                .map(text -> ((KeyMaterial.Pgp) own()).open(text))
                .orElse(new Opened.Refused("no message", Optional.empty()));
    }

    private static final byte[] TEXT = "a text".getBytes(StandardCharsets.UTF_8);

    private static Date at(long secondsFromNow) {
        return Date.from(Instant.now().plusSeconds(secondsFromNow));
    }

    @Test
    void aSignatureDatedInTheFutureIsRefused() throws IOException {
        assertTrue(
                open(signed(TEXT, hashed -> hashed.setSignatureCreationTime(false, at(0)))) instanceof Opened.Message);
        Opened future = open(signed(TEXT, hashed -> hashed.setSignatureCreationTime(false, at(3600))));
        String reason = ((Opened.Refused) future).reason();
        assertTrue(reason.startsWith("openpgp: signature expired: it is dated "), reason);
        Path file = copy("mini.sif");
        SifFile read = SifFile.read(file);
        byte[] text = signed(
                SignedMetadata.of(read, 1, read.descriptors()).json(),
                hashed -> hashed.setSignatureCreationTime(false, at(3600)));
        byte[] fingerprint = HexFormat.of().parseHex(KEY.description().fingerprint());
        SifObject object = SifObject.signature(HashType.SHA256, new Link.ToGroup(1), fingerprint);
        SifEditor.add(file, List.of(new SifEditor.Addition(object, text)), NOW);
        assertTrue(refused(file, new AllGroups(), own())
                .contains("signature object 3 not valid: " + "openpgp: signature expired"));
    }

    @Test
    void aSignatureThatHasExpiredOrHasNoUnderstoodMeaningIsRefused() {
        assertRefused("openpgp: signature expired", open(signed(TEXT, hashed -> {
            hashed.setSignatureCreationTime(false, at(-100));
            hashed.setSignatureExpirationTime(false, 50);
        })));
        assertRefused("openpgp: unknown critical signature subpacket type 20", open(signed(TEXT, hashed -> {
            hashed.setSignatureCreationTime(true, at(0));
            hashed.addNotationData(true, true, "only@example.org", "for tests");
        })));
        assertTrue(
                open(signed(TEXT, hashed -> {
                            hashed.setSignatureCreationTime(true, at(0));
                            hashed.addNotationData(false, true, "note@example.org", "nothing");
                        }))
                        instanceof Opened.Message);
    }

    @Test
    void aKeyOfTheFutureSignsNothingYet() {
        PgpSecretKey future = PgpSecretKey.generate(
                "F <f@e.org>", 2048, NO_PASSPHRASE, Instant.now().plusSeconds(86_400));
        assertThrows(UsageException.class, () -> future.unlock(NO_PASSPHRASE));
        PGPPublicKeyRing ring = future.publicKey().ring();
        assertEquals(
                Optional.of("openpgp: key expired"), PgpValidity.objection(ring, ring.getPublicKey(), Instant.now()));
    }

    /** What can be put into a clear-text message, and whether it is one then. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "                                    |                                     | true",
                "^                                   |~                                    | true",
                "^                                   |X                                    | false",
                "^                                   |X~                                   | false",
                "$                                   |~~                                   | true",
                "$                                   |X                                    | false",
                "$                                   |~X~                                  | false",
                "-----BEGIN PGP SIGNED MESSAGE-----~ |-----BEGIN PGP SIGNED MESSAGE----- ~ | false",
                "Hash: SHA256~                       |Hash: SHA256~This image is safe.~    | false",
                "Hash: SHA256~                       |Hash: SHA256~Comment: it is safe~    | false",
                "Hash: SHA256~                       |Hash: SHA256~ ~                      | false",
                "Hash: SHA256~                       |Hash: SHA256~Hash: SHA512~           | true",
                "Hash: SHA256~                       |Hash: SHA256, SHA512~                | true",
                "Hash: SHA256~                       |hash: SHA256~                        | false",
                "Hash: SHA256~                       |                                     | true",
                "Hash: SHA256~~                      |Hash: SHA256~                        | false",
                "-----BEGIN PGP SIGNATURE-----~      |-----BEGIN PGP SIGNATURE-----~Version: 1~ | true",
                "-----BEGIN PGP SIGNATURE-----~      |-----BEGIN PGP SIGNATURE-----~Said: x~    | false",
                "-----BEGIN PGP SIGNATURE-----~      |-----BEGIN PGP SIGNATURE-----~words~      | false",
                "-----BEGIN PGP SIGNATURE-----~~     |-----BEGIN PGP SIGNATURE-----~            | false",
                "-----END PGP SIGNATURE-----         |                                          | false",
                "a text~                             |a text \t~                               | true",
                "a text~                             |a  text~                                  | false",
                "a text~                             |a text~~                                  | false",
                "a text~                             |a text~- more~                            | false",
                "a text~                             |~a text~                                  | false"
            })
    void aClearTextMessageHasNothingBesideWhatIsSigned(String old, String now, boolean good) {
        String whole = new String(
                signed(TEXT, hashed -> hashed.setSignatureCreationTime(false, at(0))), StandardCharsets.ISO_8859_1);
        String from = String.valueOf(old).replace('~', '\n');
        String to = now == null ? "" : now.replace('~', '\n').replace("\\t", "\t");
        String changed = old == null
                ? whole
                : old.equals("^") ? to + whole : old.equals("$") ? whole + to : whole.replace(from, to);
        assertEquals(old != null, !changed.equals(whole));
        Opened opened = open(changed.getBytes(StandardCharsets.ISO_8859_1));
        assertEquals(good, opened instanceof Opened.Message, String.valueOf(opened));
        if (opened instanceof Opened.Message message) {
            assertEquals("a text", new String(message.bytes(), StandardCharsets.UTF_8).strip());
        }
    }

    @Test
    void carriageReturnsAtTheEndsOfLinesAreNoChange() {
        String whole = new String(
                signed(TEXT, hashed -> hashed.setSignatureCreationTime(false, at(0))), StandardCharsets.ISO_8859_1);
        assertTrue(open(whole.replace("\n", "\r\n").getBytes(StandardCharsets.ISO_8859_1)) instanceof Opened.Message);
    }

    @Test
    void theNumberAndSizeOfSignaturesAreBounded() throws IOException {
        PGPSignature one = signature(TEXT, hashed -> hashed.setSignatureCreationTime(false, at(0)));
        assertTrue(open(clear(TEXT, Collections.nCopies(16, one))) instanceof Opened.Message);
        assertRefused(
                "openpgp: 17 signatures of one message, at most 16 are looked at",
                open(clear(TEXT, Collections.nCopies(17, one))));
        Opened large = open(clear(TEXT, Collections.nCopies(16_000, one)));
        assertTrue(((Opened.Refused) large).reason().endsWith(" bytes, at most 65536 are read"), String.valueOf(large));

        byte[] fingerprint = HexFormat.of().parseHex(KEY.description().fingerprint());
        SifObject object = SifObject.signature(HashType.SHA256, new Link.ToGroup(1), fingerprint);
        Path many = copy("mini.sif");
        SifEditor.add(many, List.of(new SifEditor.Addition(object, TEXT)), NOW);
        repeatLastObject(many, 257);
        assertEquals(
                "integrity: it has 257 signatures, at most 256 are looked at", refused(many, new AllGroups(), own()));
        Path long1 = copy("mini.sif");
        SifEditor.add(long1, List.of(new SifEditor.Addition(object, new byte[(1 << 20) + 1])), NOW);
        assertEquals(
                "integrity: signature object 3 has 1048577 bytes, at most 1048576 are read",
                refused(long1, new AllGroups(), own()));
        Path together = copy("mini.sif");
        SifEditor.add(together, copies(5, object, new byte[1 << 20]), NOW);
        assertEquals(
                "integrity: its signatures have 5242880 bytes, at most 4194304 are read",
                refused(together, new AllGroups(), own()));
        byte[] envelope =
                "{\"payloadType\":\"application/vnd.sylabs.sif-metadata+json\",\"payload\":\"e30=\",\"signatures\":[%s]}"
                        .formatted(String.join(",", Collections.nCopies(17, "{\"sig\":\"AAAA\"}")))
                        .getBytes(StandardCharsets.UTF_8);
        assertRefused(
                "dsse: 17 signatures of one message, at most 16 are looked at",
                ((KeyMaterial.Pem) pem("rsa.pub")).open(Dsse.parse(envelope).orElseThrow(), HashType.SHA256));
    }

    private static List<SifEditor.Addition> copies(int count, SifObject object, byte[] content) {
        return Stream.generate(() -> new SifEditor.Addition(object, content))
                .limit(count)
                .toList();
    }

    /** A larger table at the file's end, in which the third object is there so many times. */
    private static void repeatLastObject(Path file, int times) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer out = ByteBuffer.allocate(bytes.length + (2 + times) * 585).order(ByteOrder.LITTLE_ENDIAN);
        out.put(bytes).put(bytes, 4096, 2 * 585);
        for (int i = 0; i < times; i++) {
            out.put(bytes, 4096 + 2 * 585, 585).putInt(out.position() - 585 + 5, 3 + i);
        }
        out.putLong(80, 0).putLong(88, 2 + times).putLong(96, bytes.length).putLong(104, (2 + times) * 585L);
        Files.write(file, out.array());
    }

    /** The most that a file may bring: a text of a megabyte, all lines empty, in each of four signatures. */
    @Test
    void theLargestSignaturesTakeSecondsAndLittleMemory() throws IOException {
        byte[] lines = "\n".repeat((1 << 20) - 4096).getBytes(StandardCharsets.US_ASCII);
        PGPSignature one = signature(lines, hashed -> hashed.setSignatureCreationTime(false, at(0)));
        byte[] text = clear(lines, Collections.nCopies(16, one));
        byte[] fingerprint = HexFormat.of().parseHex(KEY.description().fingerprint());
        SifObject object = SifObject.signature(HashType.SHA256, new Link.ToGroup(1), fingerprint);
        Path file = copy("mini.sif");
        byte[] cut = Arrays.copyOf(text, Math.min(text.length, 1 << 20));
        SifEditor.add(file, copies(4, object, cut), NOW);
        var thread = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = thread.getCurrentThreadAllocatedBytes();
        assertTimeout(Duration.ofSeconds(20), () -> refused(file, new AllGroups(), own()));
        long used = thread.getCurrentThreadAllocatedBytes() - before;
        assertTrue(used < 600L << 20, used + " bytes allocated in all");
    }

    @Test
    void keyringsKeepTheirKeysPrivateAndEachOnlyOnce() throws IOException {
        PgpKeyring keyring = PgpKeyring.in(directory.resolve("a/keys"));
        assertEquals(List.of(), keyring.secretKeys());
        keyring.addSecret(KEY);
        keyring.addPublic(KEY.publicKey());
        keyring.addPublic(PgpKeyring.keysOf(FIXTURES.resolve("pgp.asc"), "pgp.asc")
                .publicKeys()
                .getFirst());
        assertThrows(UsageException.class, () -> keyring.addSecret(KEY));
        assertThrows(UsageException.class, () -> keyring.addPublic(KEY.publicKey()));
        assertEquals(2, keyring.publicKeys().keys().size());
        for (Path file : List.of(keyring.publicFile(), keyring.secretFile())) {
            assertEquals("[OWNER_READ, OWNER_WRITE]", sorted(Files.getPosixFilePermissions(file)));
        }
        assertEquals(
                "[OWNER_EXECUTE, OWNER_READ, OWNER_WRITE]",
                sorted(Files.getPosixFilePermissions(directory.resolve("a/keys"))));
        assertThrows(UsageException.class, () -> keyring.removePublic("0123"));
        keyring.removePublic("0x" + KEY.description().fingerprint());
        keyring.removeSecret(KEY.description().fingerprint());
        assertEquals(1, keyring.publicKeys().keys().size());
        assertEquals(List.of(), keyring.secretKeys());
        assertEquals("[OWNER_READ, OWNER_WRITE]", sorted(Files.getPosixFilePermissions(keyring.secretFile())));
    }

    @Test
    void damagedKeysAreRefusedInASentence() throws IOException {
        byte[] whole = KEY.encoded(KeyForm.BINARY);
        // The version of the secret key packet, behind its header of three bytes.
        whole[3] = (byte) 215;
        Path ring = Files.write(directory.resolve("ring"), whole);
        assertThrows(UsageException.class, () -> PgpKeyring.keysOf(ring, "ring"));
        Path pem = Files.writeString(
                directory.resolve("pem"), "-----BEGIN PUBLIC KEY-----\n*no base64*\n-----END PUBLIC KEY-----\n");
        assertThrows(UsageException.class, () -> PemKeys.verifier(pem, "pem"));
        Path empty = pemFile("PUBLIC KEY", new byte[] {0x30, 0});
        assertThrows(UsageException.class, () -> PemKeys.verifier(empty, "empty"));
    }

    private static String sorted(java.util.Set<?> permissions) {
        return permissions.stream().map(String::valueOf).sorted().toList().toString();
    }

    @Test
    void userIdsAreShownInTheirThreeParts() {
        assertEquals("A B (c) <d@e>", PgpKey.shown("A B (c) <d@e>"));
        assertEquals("A B () <d@e>", PgpKey.shown("A B <d@e>"));
        assertEquals(" () <>", PgpKey.shown(""));
        assertEquals("x?[31m () <>", PgpKey.shown("x\u001b[31m"));
    }

    private List<Outcome> verify(Path file, Selection selection, KeyMaterial keys) {
        List<Outcome> heard = new ArrayList<>();
        Verification.verify(SifFile.read(file), selection, Form.CURRENT, keys, heard::add);
        return heard;
    }

    private String refused(Path file, Selection selection, KeyMaterial keys) {
        return String.valueOf(assertThrows(ImageException.class, () -> verify(file, selection, keys))
                .getMessage());
    }

    private static KeyMaterial pem(String name) {
        return PemKeys.verifier(FIXTURES.resolve(name), name);
    }

    private static KeyMaterial own() {
        return new KeyMaterial.Pgp(List.of(new PgpPublicKeys(List.of(KEY.publicKey()), PgpIdentity.Place.LOCAL)));
    }

    private Path pemFile(String type, byte[] content) throws IOException {
        String base64 = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(content);
        return Files.writeString(
                directory.resolve(type.replace(' ', '-')),
                "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(type, base64, type));
    }

    private Path copy(String fixture) throws IOException {
        return Files.copy(FIXTURES.resolve(fixture), directory.resolve(fixture), StandardCopyOption.REPLACE_EXISTING);
    }
}
