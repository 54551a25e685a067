package org.berth.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.error.BerthException;
import org.berth.gather.KeyFiles;
import org.berth.host.Host;
import org.berth.sif.Link;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.berth.sign.KeyMaterial;
import org.berth.sign.PemKeys;
import org.berth.sign.PgpIdentity;
import org.berth.sign.Problem;
import org.berth.sign.Verification;
import org.berth.sign.Verification.Outcome;
import org.berth.terminal.Messages;

/** {@code verify}: checks the signatures of a SIF file. */
final class VerifyCommand {
    private final Invocation invocation;
    private final Host host;
    private final Messages messages;

    VerifyCommand(Invocation invocation, Host host, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
    }

    int run() {
        messages.info("Verifying image with "
                + invocation
                        .value("key")
                        .map("key material from '%s'"::formatted)
                        .orElse("PGP key material"));
        KeyMaterial keys = keys();
        boolean json = invocation.flag("json");
        List<Outcome> outcomes = new ArrayList<>();
        try {
            SifFile file = SifFile.read(Signatures.image(invocation, host));
            try {
                Verification.verify(file, Signatures.selection(invocation), form(), keys, outcome -> {
                    outcomes.add(outcome);
                    if (!json) {
                        System.out.print(text(outcome));
                    }
                });
            } finally {
                if (json) {
                    System.out.print(VerifyJson.text(outcomes, file));
                }
            }
        } catch (BerthException e) {
            throw Signatures.during("Failed to verify container", e);
        }
        if (!json) {
            messages.info("Verified signature(s) from image '%s'"
                    .formatted(invocation.operands().getFirst()));
        }
        return ExitStatus.SUCCESS;
    }

    private KeyMaterial keys() {
        try {
            return invocation.given("key")
                    ? PemKeys.verifier(
                            host.path(invocation.value("key").orElseThrow()),
                            invocation.value("key").orElseThrow())
                    : new KeyMaterial.Pgp(KeyFiles.trusted(invocation, host));
        } catch (BerthException e) {
            throw Signatures.during("Failed to load key material", e);
        }
    }

    private Verification.Form form() {
        if (!invocation.flag("legacy-insecure")) {
            return Verification.Form.CURRENT;
        }
        return invocation.flag("all") ? Verification.Form.LEGACY_ALL : Verification.Form.LEGACY;
    }

    private static String text(Outcome outcome) {
        StringBuilder out = new StringBuilder();
        outcome.signer().ifPresent(signer -> {
            String place = "%-18s ".formatted("[" + signer.place() + "]");
            out.append(place).append("Signing entity: ").append(signer.name()).append('\n');
            out.append(place)
                    .append("Fingerprint: ")
                    .append(signer.fingerprint())
                    .append('\n');
        });
        if (!outcome.verified().isEmpty()) {
            out.append("Objects verified:\n").append(row("ID", "GROUP", "LINK", "TYPE"));
            out.append("-".repeat(48)).append('\n');
            outcome.verified()
                    .forEach(object -> out.append(row(
                            Integer.toString(object.id()),
                            object.group() == 0 ? "NONE" : Integer.toString(object.group()),
                            link(object),
                            object.type().word())));
        }
        outcome.problem()
                .map(Problem::text)
                .ifPresent(problem -> out.append("\nError encountered during signature verification: ")
                        .append(problem)
                        .append('\n'));
        return out.toString();
    }

    private static String row(String id, String group, String link, String type) {
        return "%-4s|%-8s|%-8s|%s\n".formatted(id, group, link, type);
    }

    private static String link(SifDescriptor object) {
        return switch (object.link()) {
            case Link.None() -> "NONE";
            case Link.ToObject(int id) -> Integer.toString(id);
            case Link.ToGroup(int group) -> group + " (G)";
        };
    }

    /** The report of {@code --json}, in the layout of Go's encoder. */
    static final class VerifyJson {
        private VerifyJson() {}

        static String text(List<Outcome> outcomes, SifFile file) {
            List<String> keys = new ArrayList<>();
            for (Outcome outcome : outcomes) {
                outcome.verified().forEach(object -> keys.add(key(object, outcome.signer(), true)));
                outcome.problem()
                        .flatMap(VerifyJson::changed)
                        .flatMap(file::object)
                        .ifPresent(object -> keys.add(key(object, outcome.signer(), false)));
            }
            String list = keys.isEmpty() ? "null" : "[\n" + String.join(",\n", keys) + "\n  ]";
            return "{\n  \"Signatures\": %d,\n  \"SignerKeys\": %s\n}\n".formatted(outcomes.size(), list);
        }

        private static Optional<Integer> changed(Problem problem) {
            return problem instanceof Problem.ObjectChanged(Optional<Integer> id) ? id : Optional.empty();
        }

        private static String key(SifDescriptor object, Optional<PgpIdentity> signer, boolean dataCheck) {
            boolean local = signer.map(PgpIdentity::place)
                    .filter(place -> place == PgpIdentity.Place.LOCAL)
                    .isPresent();
            return """
                        {
                          "Signer": {
                            "Partition": %s,
                            "Name": %s,
                            "Fingerprint": %s,
                            "KeyLocal": %s,
                            "KeyCheck": %s,
                            "DataCheck": %s
                          }
                        }""".formatted(
                            quoted(object.type().word()),
                            quoted(signer.map(PgpIdentity::name).orElse("unknown")),
                            quoted(signer.map(PgpIdentity::fingerprint)
                                    .orElse("")
                                    .toLowerCase(java.util.Locale.ROOT)),
                            local,
                            signer.isPresent(),
                            dataCheck)
                    .indent(4)
                    .stripTrailing();
        }

        private static String quoted(String text) {
            StringBuilder out = new StringBuilder("\"");
            text.chars().forEach(c -> {
                if (c == '"' || c == '\\') {
                    out.append('\\').append((char) c);
                } else if (c < ' ' || c == '<' || c == '>' || c == '&' || c == '\u2028' || c == '\u2029') {
                    out.append("\\u%04x".formatted(c));
                } else {
                    out.append((char) c);
                }
            });
            return out.append('"').toString();
        }
    }
}
