package org.berth.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.Reason;
import org.berth.gather.KeyFiles;
import org.berth.host.Host;
import org.berth.sign.KeyForm;
import org.berth.sign.PgpKey;
import org.berth.sign.PgpKeyring;
import org.berth.sign.PgpPublicKey;
import org.berth.sign.PgpSecretKey;
import org.berth.terminal.Messages;
import org.berth.terminal.Terminal;

/** {@code key newpair|list|import|export|remove}: the OpenPGP keyrings. */
final class KeyCommand {
    private static final int IMPORT_FAILURE = 2;
    private static final int EXPORT_FAILURE = 10;

    private final Invocation invocation;
    private final Host host;
    private final Messages messages;
    private final Terminal terminal;
    private final PgpKeyring keyring;

    KeyCommand(Invocation invocation, Host host, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
        this.terminal = new Terminal(host);
        this.keyring = invocation.shared().flag("global") ? KeyFiles.global(host) : KeyFiles.own(invocation, host);
    }

    int run() {
        return switch (invocation.command().shortName()) {
            case "newpair" -> attempt("creating newpair failed", IMPORT_FAILURE, this::makePair);
            case "import" -> attempt("key import command failed", IMPORT_FAILURE, this::importKeys);
            case "export" -> attempt("key export command failed", EXPORT_FAILURE, this::export);
            case "list" -> list();
            default -> remove();
        };
    }

    /** Failures that Apptainer tells as errors, with statuses of their own. */
    private int attempt(String what, int failure, Runnable action) {
        try {
            action.run();
            return ExitStatus.SUCCESS;
        } catch (BerthException e) {
            messages.error(Signatures.during(what, e));
            return failure;
        }
    }

    private void makePair() {
        String name = given("name", "Enter your name (e.g., John Doe) : ");
        String email = given("email", "Enter your email address (e.g., john.doe@example.com) : ");
        String comment = given("comment", "Enter optional comment (e.g., development keys) : ");
        char[] passphrase =
                invocation.value("password").map(String::toCharArray).orElseGet(this::newPassphrase);
        int bits =
                Signatures.number("bit-length", invocation.value("bit-length").orElse("4096"));
        String userId = userId(name, comment, email);
        System.out.print("Generating Entity and OpenPGP Key Pair... ");
        System.out.flush();
        try {
            PgpSecretKey key = PgpSecretKey.generate(userId, bits, passphrase, Instant.now());
            keyring.addSecret(key);
            keyring.addPublic(key.publicKey());
        } catch (BerthException e) {
            System.out.println();
            throw e;
        }
        System.out.println("done");
    }

    private String given(String option, String question) {
        return invocation.value(option).orElseGet(() -> terminal.ask(question).strip());
    }

    private char[] newPassphrase() {
        char[] passphrase = terminal.askNewSecret("Enter a passphrase : ");
        if (passphrase.length == 0) {
            String answer = terminal.ask(
                    "WARNING: if there is no password set, your key is not secure. Do you want to continue? [y/n] ");
            if (!answer.strip().equalsIgnoreCase("y")) {
                throw new UsageException("empty passphrase");
            }
        }
        return passphrase;
    }

    private static String userId(String name, String comment, String email) {
        if ((name + comment + email).chars().anyMatch(c -> "()<>".indexOf(c) >= 0 || Character.isISOControl(c))) {
            throw new UsageException("name, comment and address may not hold any of ()<> or control characters");
        }
        String text =
                name + (comment.isEmpty() ? "" : " (" + comment + ")") + (email.isEmpty() ? "" : " <" + email + ">");
        if (text.isBlank()) {
            throw new UsageException("a key needs a name or an address");
        }
        return text.strip();
    }

    private int list() {
        try {
            if (invocation.flag("secret")) {
                System.out.print("Private key listing (%s):\n\n".formatted(keyring.secretFile()));
                System.out.print(KeyList.text(descriptions(keyring.secretKeys())));
            } else {
                System.out.print("Public key listing (%s):\n\n".formatted(keyring.publicFile()));
                System.out.print(KeyList.text(publicDescriptions()));
            }
            return ExitStatus.SUCCESS;
        } catch (BerthException e) {
            throw Signatures.during("While listing keys", e);
        }
    }

    private List<PgpKey> publicDescriptions() {
        return keyring.publicKeys().keys().stream()
                .map(PgpPublicKey::description)
                .toList();
    }

    private static List<PgpKey> descriptions(List<PgpSecretKey> keys) {
        return keys.stream().map(PgpSecretKey::description).toList();
    }

    private void importKeys() {
        String name = invocation.operands().getFirst();
        PgpKeyring.Keys keys;
        try {
            keys = PgpKeyring.keysOf(host.path(name), name);
        } catch (BerthException e) {
            throw Signatures.during("unable to get entity from: " + name, e);
        }
        for (PgpSecretKey key : keys.secretKeys()) {
            keyring.addSecret(withPassphrase(key));
            System.out.println("Key with fingerprint %s successfully added to the private keyring"
                    .formatted(key.description().fingerprint()));
            add(key.publicKey());
        }
        keys.publicKeys().forEach(this::add);
    }

    private void add(PgpPublicKey key) {
        keyring.addPublic(key);
        System.out.println("Key with fingerprint %s successfully added to the public keyring"
                .formatted(key.description().fingerprint()));
    }

    private PgpSecretKey withPassphrase(PgpSecretKey key) {
        char[] old = key.locked() ? terminal.askSecret("Enter your key password : ") : new char[0];
        if (invocation.flag("new-password")) {
            return key.relocked(old, terminal.askNewSecret("Enter a new password for this key : "));
        }
        key.requirePassphrase(old);
        return key;
    }

    private void export() {
        boolean secret = invocation.flag("secret");
        KeyForm form = invocation.flag("armor") ? KeyForm.ARMORED : KeyForm.BINARY;
        List<PgpSecretKey> secretKeys = secret ? keyring.secretKeys() : List.of();
        List<PgpKey> keys = secret ? descriptions(secretKeys) : publicDescriptions();
        if (keys.isEmpty()) {
            throw new UsageException("keyring is empty");
        }
        System.out.print(KeyList.text(keys));
        int index = terminal.askNumber(
                "Enter # of %s key to use : ".formatted(secret ? "private" : "public"), keys.size() - 1);
        if (secret && secretKeys.get(index).locked()) {
            secretKeys.get(index).requirePassphrase(terminal.askSecret("Enter key passphrase : "));
        }
        String name = invocation.operands().getFirst();
        write(
                host.path(name),
                name,
                secret
                        ? secretKeys.get(index).encoded(form)
                        : keyring.publicKeys().keys().get(index).encoded(form),
                secret ? "rw-------" : "rw-r--r--");
        System.out.println("%s key with fingerprint %s correctly exported to file: %s"
                .formatted(secret ? "Private" : "Public", keys.get(index).fingerprint(), name));
    }

    /* A new file: the permissions of one that is there already might let others read the key. */
    private static void write(Path path, String shown, byte[] bytes, String permissions) {
        try {
            Files.deleteIfExists(path);
            Files.createFile(path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions)));
            Files.write(path, bytes);
        } catch (IOException e) {
            throw new HostException("unable to create file: open %s: %s".formatted(shown, Reason.of(e)), e);
        }
    }

    private int remove() {
        String fingerprint = invocation.operands().getFirst();
        boolean both = invocation.flag("both") || invocation.flag("public") && invocation.flag("secret");
        if (both) {
            Optional<BerthException> publicFailure = failure(() -> keyring.removePublic(fingerprint));
            Optional<BerthException> secretFailure = failure(() -> keyring.removeSecret(fingerprint));
            if (publicFailure.isPresent() && secretFailure.isPresent()) {
                throw new HostException("Unable to remove neither public key: %s, nor private key: %s"
                        .formatted(
                                publicFailure.orElseThrow().getMessage(),
                                secretFailure.orElseThrow().getMessage()));
            }
            return ExitStatus.SUCCESS;
        }
        boolean secret = invocation.flag("secret");
        Optional<BerthException> failure = failure(() -> {
            if (secret) {
                keyring.removeSecret(fingerprint);
            } else {
                keyring.removePublic(fingerprint);
            }
        });
        failure.ifPresent(e -> {
            throw Signatures.during("Unable to remove %s key".formatted(secret ? "private" : "public"), e);
        });
        return ExitStatus.SUCCESS;
    }

    private static Optional<BerthException> failure(Runnable action) {
        try {
            action.run();
            return Optional.empty();
        } catch (BerthException e) {
            return Optional.of(e);
        }
    }
}
