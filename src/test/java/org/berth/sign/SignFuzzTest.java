package org.berth.sign;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.random.RandomGenerator;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.sif.Link;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.bouncycastle.openpgp.PGPUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Signatures and keys as nobody would write them: refused in a sentence, or as not valid. */
class SignFuzzTest {
    private static final Path FIXTURES = Path.of("src/test/resources/sif");
    private static final List<String> WORDS = List.of(
            "-----BEGIN PGP SIGNED MESSAGE-----",
            "-----BEGIN PGP SIGNATURE-----",
            "-----END PGP SIGNATURE-----",
            "Hash: SHA256",
            "\n",
            "\n\n",
            "- ",
            "=",
            "AAAA",
            "-----BEGIN PUBLIC KEY-----",
            "-----END PUBLIC KEY-----",
            "-----BEGIN RSA PUBLIC KEY-----",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "{",
            "}",
            "\"sig\":",
            "\"payload\":",
            "\"payloadType\":",
            "[",
            "]",
            "\"version\":1",
            "sha256:",
            "sha512_256:",
            "SIFHASH:\n");

    @TempDir
    Path directory;

    private static List<PgpPublicKeys> keyrings() {
        return List.of(new PgpPublicKeys(
                PgpKeyring.keysOf(FIXTURES.resolve("pgp.asc"), "pgp.asc").publicKeys(), PgpIdentity.Place.LOCAL));
    }

    @Test
    void clearTextSignatures() throws IOException {
        byte[] whole = Files.readAllBytes(FIXTURES.resolve("signed-pgp.signature.txt"));
        var keys = new KeyMaterial.Pgp(keyrings());
        Fuzz.of("pgp-signature").cases(800).run(random -> {
            byte[] bytes = damagedText(whole, random);
            ClearText.parse(bytes).ifPresent(text -> {
                keys.open(text);
                ClearText.signedBytes(text.message());
            });
            LegacyDigest.isLegacy(bytes);
        });
    }

    /** The binary packets behind the armor, which has a checksum. */
    @Test
    void packets() throws IOException {
        String armored = Files.readString(FIXTURES.resolve("signed-pgp.signature.txt"), StandardCharsets.ISO_8859_1);
        byte[] message = armored.getBytes(StandardCharsets.ISO_8859_1);
        byte[] packets = PGPUtil.getDecoderStream(
                        new ByteArrayInputStream(armored.substring(armored.indexOf("-----BEGIN PGP SIGNATURE"))
                                .getBytes(StandardCharsets.ISO_8859_1)))
                .readAllBytes();
        var keys = new KeyMaterial.Pgp(keyrings());
        Fuzz.of("pgp-packets")
                .cases(1500)
                .run(random -> keys.open(new ClearText(message, Mutation.bytes(packets, random))));
    }

    @Test
    void keyringFiles() throws IOException {
        List<byte[]> whole = new ArrayList<>(List.of(Files.readAllBytes(FIXTURES.resolve("pgp.asc"))));
        whole.add(keyrings().getFirst().keys().getFirst().encoded(KeyForm.BINARY));
        PgpSecretKey secret = PgpSecretKey.generate("A <a@example.org>", 2048, new char[0], Instant.EPOCH);
        whole.add(secret.encoded(KeyForm.BINARY));
        Path file = directory.resolve("keys");
        Fuzz.of("keyring").cases(500).run(random -> {
            byte[] one = Mutation.one(whole, random);
            Files.write(
                    file,
                    random.nextInt(8) == 0
                            ? Mutation.spliced(one, Mutation.one(whole, random), random)
                            : Mutation.bytes(one, random));
            PgpKeyring.Keys keys = PgpKeyring.keysOf(file, "keys");
            for (PgpPublicKey key : keys.publicKeys()) {
                key.description().userIds().forEach(PgpKey::shown);
                key.encoded(KeyForm.ARMORED);
            }
            for (PgpSecretKey key : keys.secretKeys()) {
                key.description();
                key.publicKey();
                key.locked();
            }
        });
    }

    @Test
    void pemKeys() throws IOException {
        List<byte[]> whole = List.of(
                Files.readAllBytes(FIXTURES.resolve("rsa.pub")),
                Files.readAllBytes(FIXTURES.resolve("ed25519.pub")),
                pem("EC"),
                pem("RSA"));
        Path file = directory.resolve("key.pem");
        Fuzz.of("pem").cases(500).run(random -> {
            byte[] bytes = Mutation.one(whole, random);
            Files.write(file, random.nextBoolean() ? damagedText(bytes, random) : damagedBase64(bytes, random));
            if (random.nextBoolean()) {
                PemKeys.verifier(file, "key");
            } else {
                PemKeys.signer(file, "key", () -> "x".toCharArray());
            }
        });
    }

    private static byte[] pem(String algorithm) {
        try {
            var generator = KeyPairGenerator.getInstance(algorithm);
            return armored(
                    "PRIVATE KEY", generator.generateKeyPair().getPrivate().getEncoded());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] armored(String type, byte[] content) {
        return "-----BEGIN %s-----\n%s\n-----END %1$s-----\n"
                .formatted(type, Base64.getMimeEncoder().encodeToString(content))
                .getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] damagedBase64(byte[] pem, RandomGenerator random) {
        String text = new String(pem, StandardCharsets.US_ASCII);
        byte[] content = Base64.getMimeDecoder().decode(text.replaceAll("-----[A-Z0-9 ]*-----", ""));
        String type = random.nextInt(4) == 0
                ? Mutation.one(
                        List.of(
                                "PUBLIC KEY",
                                "RSA PUBLIC KEY",
                                "PRIVATE KEY",
                                "EC PRIVATE KEY",
                                "RSA PRIVATE KEY",
                                "ENCRYPTED PRIVATE KEY"),
                        random)
                : text.substring("-----BEGIN ".length(), text.indexOf("-----\n"));
        return armored(type, Mutation.bytes(content, random));
    }

    /** Whole files, with the signature in place changed. */
    @Test
    void verification() throws IOException {
        Path file = directory.resolve("signed.sif");
        KeyMaterial pem = PemKeys.verifier(FIXTURES.resolve("rsa.pub"), "rsa.pub");
        KeyMaterial ed25519 = PemKeys.verifier(FIXTURES.resolve("ed25519.pub"), "ed25519.pub");
        KeyMaterial pgp = new KeyMaterial.Pgp(keyrings());
        List<Path> whole = List.of(FIXTURES.resolve("signed-rsa.sif"), FIXTURES.resolve("signed-object.sif"));
        Fuzz.of("verify").cases(200).run(random -> {
            Path chosen = Mutation.one(whole, random);
            byte[] bytes = Files.readAllBytes(chosen);
            for (SifDescriptor signature : Verification.linked(
                    SifFile.read(chosen), Mutation.one(List.of(new Link.ToGroup(1), new Link.ToObject(2)), random))) {
                byte[] part = Arrays.copyOfRange(bytes, (int) signature.offset(), (int) signature.end());
                byte[] changed = damagedText(part, random);
                System.arraycopy(changed, 0, bytes, (int) signature.offset(), Math.min(part.length, changed.length));
            }
            if (random.nextInt(4) == 0) {
                bytes[4096 + random.nextInt(4 * 585)] = (byte) random.nextInt();
            }
            Files.write(file, bytes);
            Selection selection = Mutation.one(
                    List.of(
                            new Selection.AllGroups(),
                            new Selection.Group(1),
                            new Selection.OneObject(1),
                            new Selection.OneObject(2)),
                    random);
            Verification.verify(
                    SifFile.read(file),
                    selection,
                    Mutation.one(List.of(Verification.Form.values()), random),
                    Mutation.one(List.of(pem, ed25519, pgp), random),
                    outcome -> {});
        });
    }

    @Test
    void envelopesAndMetadata() {
        byte[] metadata =
                "{\"version\":1,\"header\":{\"digest\":\"sha256:00\"},\"objects\":[{\"relativeId\":0,\"descriptorDigest\":\"sha256:0\",\"objectDigest\":\"x\"}]}"
                        .getBytes(StandardCharsets.US_ASCII);
        byte[] envelope = Dsse.envelope(metadata, "key", new byte[64]);
        Fuzz.of("dsse").cases(2000).run(random -> {
            Dsse.parse(damagedText(envelope, random));
            SignedMetadata.parse(damagedText(metadata, random)).signed(1, 1);
        });
    }

    private static byte[] damagedText(byte[] whole, RandomGenerator random) {
        return random.nextBoolean()
                ? Mutation.bytes(whole, random)
                : Mutation.text(new String(whole, StandardCharsets.ISO_8859_1), WORDS, random)
                        .getBytes(StandardCharsets.UTF_8);
    }
}
