package org.berth.sign;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.OutputFiles;
import org.berth.files.OwnFiles;
import org.bouncycastle.openpgp.PGPObjectFactory;
import org.bouncycastle.openpgp.PGPPublicKeyRing;
import org.bouncycastle.openpgp.PGPSecretKeyRing;
import org.bouncycastle.openpgp.PGPUtil;
import org.bouncycastle.openpgp.operator.bc.BcKeyFingerprintCalculator;

/**
 * The OpenPGP keys in a directory: {@code pgp-public} and {@code pgp-secret}, binary packets one after the other, as
 * Apptainer and GnuPG's exports have them. The directory is 0700, the files 0600; the installation's keyring is one
 * readable file of public keys.
 *
 * <p>Every failing file operation is a {@link HostException} that names the file.
 */
public final class PgpKeyring {
    private static final long MAX_SIZE = 1L << 26;
    private static final Set<PosixFilePermission> PRIVATE_FILE = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> READABLE_FILE = PosixFilePermissions.fromString("rw-r--r--");
    private static final Set<PosixFilePermission> PRIVATE_DIRECTORY = PosixFilePermissions.fromString("rwx------");

    private final Path publicFile;
    private final Optional<Path> secretFile;
    private final PgpIdentity.Place place;

    private PgpKeyring(Path publicFile, Optional<Path> secretFile, PgpIdentity.Place place) {
        this.publicFile = publicFile;
        this.secretFile = secretFile;
        this.place = place;
    }

    /** A user's keys. */
    public static PgpKeyring in(Path directory) {
        return new PgpKeyring(
                directory.resolve("pgp-public"), Optional.of(directory.resolve("pgp-secret")), PgpIdentity.Place.LOCAL);
    }

    /** The public keys of an installation, in its directory of settings. */
    public static PgpKeyring global(Path directory) {
        return new PgpKeyring(directory.resolve("global-pgp-public"), Optional.empty(), PgpIdentity.Place.GLOBAL);
    }

    /** The keys of a file, in either form. */
    public record Keys(List<PgpPublicKey> publicKeys, List<PgpSecretKey> secretKeys) {
        public Keys {
            publicKeys = List.copyOf(publicKeys);
            secretKeys = List.copyOf(secretKeys);
        }
    }

    public Path publicFile() {
        return publicFile;
    }

    /** @throws UsageException for the installation's keyring, which has none */
    public Path secretFile() {
        return secretFile.orElseThrow(() -> new UsageException("global keyring doesn't contain private keys"));
    }

    /** The public keys, none if there is no file. */
    public PgpPublicKeys publicKeys() {
        return new PgpPublicKeys(parse(read(publicFile), publicFile.toString()).publicKeys(), place);
    }

    /** The secret keys, none if there is no file. */
    public List<PgpSecretKey> secretKeys() {
        return parse(read(secretFile()), secretFile().toString()).secretKeys();
    }

    /**
     * Adds a key that was made here or comes from a file.
     *
     * @throws UsageException if the keyring has it
     */
    public void addSecret(PgpSecretKey key) {
        requireNew(secretKeys().stream().map(PgpSecretKey::description).toList(), key.description());
        append(secretFile(), key.encoded(KeyForm.BINARY));
    }

    /**
     * Adds a public key.
     *
     * @throws UsageException if the keyring has it
     */
    public void addPublic(PgpPublicKey key) {
        requireNew(publicKeys().keys().stream().map(PgpPublicKey::description).toList(), key.description());
        append(publicFile, key.encoded(KeyForm.BINARY));
    }

    private static void requireNew(List<PgpKey> known, PgpKey key) {
        if (known.stream().anyMatch(other -> other.fingerprint().equals(key.fingerprint()))) {
            throw new UsageException(
                    "the key with fingerprint %s already belongs to the keyring".formatted(key.fingerprint()));
        }
    }

    /** @throws UsageException if there is no such key */
    public void removePublic(String fingerprint) {
        ByteArrayOutputStream rest = new ByteArrayOutputStream();
        List<PgpPublicKey> keys = publicKeys().keys();
        List<PgpPublicKey> left = keys.stream()
                .filter(key -> !key.description().isCalled(fingerprint))
                .toList();
        requireOneLess(keys.size(), left.size());
        left.forEach(key -> rest.writeBytes(key.encoded(KeyForm.BINARY)));
        replace(publicFile, rest.toByteArray());
    }

    /** @throws UsageException if there is no such key */
    public void removeSecret(String fingerprint) {
        ByteArrayOutputStream rest = new ByteArrayOutputStream();
        List<PgpSecretKey> keys = secretKeys();
        List<PgpSecretKey> left = keys.stream()
                .filter(key -> !key.description().isCalled(fingerprint))
                .toList();
        requireOneLess(keys.size(), left.size());
        left.forEach(key -> rest.writeBytes(key.encoded(KeyForm.BINARY)));
        replace(secretFile(), rest.toByteArray());
    }

    private static void requireOneLess(int before, int after) {
        if (before == after) {
            throw new UsageException("no key matching given fingerprint found");
        }
    }

    /**
     * The keys in some file, in binary or armored form.
     *
     * @param shown what the user called it
     * @throws UsageException if it holds none
     */
    public static Keys keysOf(Path path, String shown) {
        Keys keys;
        try {
            keys = parse(Files.readAllBytes(path), shown);
        } catch (NoSuchFileException e) {
            throw new HostException("open %s: no such file or directory".formatted(shown), e);
        } catch (IOException e) {
            throw new HostException("open %s: %s".formatted(shown, e.getMessage()), e);
        }
        if (keys.publicKeys().isEmpty() && keys.secretKeys().isEmpty()) {
            throw new UsageException("%s: no OpenPGP key found".formatted(shown));
        }
        return keys;
    }

    private static Keys parse(byte[] bytes, String shown) {
        List<PgpPublicKey> publicKeys = new ArrayList<>();
        List<PgpSecretKey> secretKeys = new ArrayList<>();
        for (Object packet : packets(bytes, shown)) {
            switch (packet) {
                case PGPPublicKeyRing ring -> publicKeys.add(new PgpPublicKey(ring));
                case PGPSecretKeyRing ring -> secretKeys.add(new PgpSecretKey(ring));
                default -> throw new UsageException("%s: holds something that is no OpenPGP key".formatted(shown));
            }
        }
        return new Keys(publicKeys, secretKeys);
    }

    private static List<Object> packets(byte[] bytes, String shown) {
        List<Object> packets = new ArrayList<>();
        if (bytes.length == 0) {
            return packets;
        }
        try {
            new PGPObjectFactory(
                            PGPUtil.getDecoderStream(new ByteArrayInputStream(bytes)), new BcKeyFingerprintCalculator())
                    .forEach(packets::add);
            return packets;
        } catch (IOException | RuntimeException e) {
            // The library has an exception of its own for each way of being damaged, and lacks some.
            throw new UsageException("%s: cannot be read as OpenPGP keys: %s".formatted(shown, e.getMessage()));
        }
    }

    private static byte[] read(Path file) {
        try {
            if (Files.size(file) > MAX_SIZE) {
                throw new HostException("%s: too large for a keyring".formatted(file));
            }
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return new byte[0];
        } catch (IOException e) {
            throw new HostException("%s: cannot be read: %s".formatted(file, e.getMessage()), e);
        }
    }

    /** One write at the end: another program that adds a key at the same time adds it behind or before ours. */
    private void append(Path file, byte[] bytes) {
        try {
            makeDirectory();
            try (FileChannel channel = FileChannel.open(
                    file,
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.APPEND),
                    PosixFilePermissions.asFileAttribute(permissions()))) {
                Files.setPosixFilePermissions(file, permissions());
                write(channel, bytes);
            }
        } catch (IOException e) {
            throw new HostException("%s: cannot be written: %s".formatted(file, e.getMessage()), e);
        }
    }

    private void replace(Path file, byte[] bytes) {
        try {
            Path target = file.toRealPath();
            OwnFiles.write(target, secretFile.isPresent() ? 0600 : 0644, bytes);
        } catch (IOException e) {
            throw new HostException("%s: cannot be written: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static void write(FileChannel channel, byte[] bytes) throws IOException {
        OutputFiles.writeAll(channel, ByteBuffer.wrap(bytes));
        channel.force(true);
    }

    private void makeDirectory() throws IOException {
        if (secretFile.isPresent()) {
            Path directory = Objects.requireNonNull(publicFile.getParent());
            Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(PRIVATE_DIRECTORY));
            if (!Files.getPosixFilePermissions(directory).equals(PRIVATE_DIRECTORY)) {
                Files.setPosixFilePermissions(directory, PRIVATE_DIRECTORY);
            }
        }
    }

    private Set<PosixFilePermission> permissions() {
        return secretFile.isPresent() ? PRIVATE_FILE : READABLE_FILE;
    }
}
