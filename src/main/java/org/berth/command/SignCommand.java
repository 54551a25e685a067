package org.berth.command;

import java.nio.file.Path;
import java.util.List;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.error.BerthException;
import org.berth.error.UsageException;
import org.berth.gather.KeyFiles;
import org.berth.host.Host;
import org.berth.sign.PemKeys;
import org.berth.sign.PgpSecretKey;
import org.berth.sign.Signer;
import org.berth.sign.Signing;
import org.berth.terminal.Messages;
import org.berth.terminal.Terminal;

/** {@code sign}: adds signatures to a SIF file. */
final class SignCommand {
    private final Invocation invocation;
    private final Host host;
    private final Messages messages;
    private final Terminal terminal;

    SignCommand(Invocation invocation, Host host, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
        this.terminal = new Terminal(host);
    }

    int run() {
        messages.info("Signing image with "
                + invocation
                        .value("key")
                        .map("key material from '%s'"::formatted)
                        .orElse("PGP key material"));
        Signer signer = signer();
        try {
            Path image = Signatures.image(invocation, host);
            Signing.sign(image, Signatures.selection(invocation), signer, SifCommand.now());
        } catch (BerthException e) {
            throw Signatures.during("Failed to sign container", e);
        }
        messages.info("Signature created and applied to image '%s'"
                .formatted(invocation.operands().getFirst()));
        return ExitStatus.SUCCESS;
    }

    private Signer signer() {
        if (invocation.given("key")) {
            String name = invocation.value("key").orElseThrow();
            try {
                return PemKeys.signer(
                        host.path(name), name, () -> terminal.askSecret("Enter password for private key: "));
            } catch (BerthException e) {
                throw Signatures.during("Failed to load key material", e);
            }
        }
        try {
            // Before the passphrase is asked for.
            Signatures.image(invocation, host);
            PgpSecretKey key = chosen(KeyFiles.own(invocation, host).secretKeys());
            return key.unlock(key.locked() ? terminal.askSecret("Enter key passphrase : ") : new char[0]);
        } catch (BerthException e) {
            throw Signatures.during("Failed to sign container", e);
        }
    }

    private PgpSecretKey chosen(List<PgpSecretKey> keys) {
        if (keys.isEmpty()) {
            throw new UsageException("keyring is empty")
                    .hint("berth key newpair makes a key, berth key import takes one from a file");
        }
        if (invocation.given("keyidx")) {
            int index = Signatures.number("keyidx", invocation.value("keyidx").orElseThrow());
            if (index >= keys.size()) {
                throw new UsageException("index out of range").hint("berth key list --secret shows the keys");
            }
            return keys.get(index);
        }
        if (keys.size() == 1) {
            return keys.getFirst();
        }
        System.out.print(
                KeyList.text(keys.stream().map(PgpSecretKey::description).toList()));
        return keys.get(terminal.askNumber("Enter # of private key to use : ", keys.size() - 1));
    }
}
