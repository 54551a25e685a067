package org.berth.command;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.berth.cli.Invocation;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.Reason;
import org.berth.host.Host;
import org.berth.sif.Architecture;
import org.berth.sif.DataType;
import org.berth.sif.FileSystemType;
import org.berth.sif.HashType;
import org.berth.sif.Link;
import org.berth.sif.PartitionType;
import org.berth.sif.SbomFormat;
import org.berth.sif.SifEditor;
import org.berth.sif.SifEditor.Addition;
import org.berth.sif.SifObject;

/** {@code sif add}: an object from a file, or from standard input ({@code -}), described by numbers as Apptainer's tool wants them. */
final class SifAddition {
    private static final int FINGERPRINT_DIGITS = 40;
    private static final List<DataType> TYPES = List.of(
            DataType.DEFINITION,
            DataType.ENVIRONMENT,
            DataType.LABELS,
            DataType.PARTITION,
            DataType.SIGNATURE,
            DataType.GENERIC_JSON,
            DataType.GENERIC,
            DataType.CRYPTO_MESSAGE,
            DataType.SBOM);

    private final Invocation invocation;
    private final Host host;

    SifAddition(Invocation invocation, Host host) {
        this.invocation = invocation;
        this.host = host;
    }

    void perform() {
        Path image = host.path(invocation.operands().getFirst());
        String source = invocation.operands().getLast();
        SifObject object = object(source);
        if (source.equals("-")) {
            add(image, object, System.in);
            return;
        }
        Path file = host.path(source);
        try (InputStream content = Files.newInputStream(file)) {
            add(image, object, content);
        } catch (IOException e) {
            throw new HostException("open %s: %s".formatted(source, Reason.of(e)), e);
        }
    }

    private void add(Path image, SifObject object, InputStream content) {
        SifEditor.add(image, List.of(new Addition(object, content, alignment())), SifCommand.now());
    }

    private SifObject object(String source) {
        int number = required("datatype", TYPES.size());
        DataType type = TYPES.get(number - 1);
        SifObject object = switch (type) {
            case PARTITION ->
                SifObject.partition(
                        FileSystemType.of(required("partfs", 6)),
                        PartitionType.of(required("parttype", 4)),
                        Architecture.ofCode("%02d".formatted(required("partarch", 13))),
                        "");
            case SIGNATURE -> SifObject.signature(HashType.of(required("signhash", 5)), new Link.None(), fingerprint());
            case SBOM -> SifObject.sbom(sbomFormat());
            case DEFINITION, ENVIRONMENT, LABELS, GENERIC_JSON, GENERIC, CRYPTO_MESSAGE -> SifObject.of(type, "");
            case OCI_ROOT_INDEX, OCI_BLOB, UNKNOWN -> throw new IllegalStateException("not in the list of types");
        };
        String name = invocation
                .value("filename")
                .orElseGet(() -> String.valueOf(host.path(source).getFileName()));
        return object.named(name)
                .inGroup((int) number("groupid", 0, 0x0FFFFFFF))
                .linkedTo(Link.ofRaw((int) number("link", 0, 0xFFFFFFFFL)));
    }

    private Optional<Integer> alignment() {
        int alignment = (int) number("alignment", 0, 1 << 30);
        if (Integer.bitCount(alignment) > 1) {
            throw new UsageException("--alignment %d is not a power of two".formatted(alignment));
        }
        return alignment == 0 ? Optional.empty() : Optional.of(alignment);
    }

    private byte[] fingerprint() {
        String text = invocation.value("signentity").orElse("");
        if (!text.matches("[0-9A-Fa-f]{%d}".formatted(FINGERPRINT_DIGITS))) {
            throw new UsageException("a signature needs --signentity with the %d digits of a key's fingerprint"
                    .formatted(FINGERPRINT_DIGITS));
        }
        return HexFormat.of().parseHex(text);
    }

    private SbomFormat sbomFormat() {
        String word = invocation.value("sbomformat").orElse("");
        return Arrays.stream(SbomFormat.values())
                .filter(format -> format != SbomFormat.UNKNOWN && format.word().equals(word))
                .findFirst()
                .orElseThrow(() -> new UsageException("an SBOM needs --sbomformat, and '%s' is none".formatted(word))
                        .hint("for example cyclonedx-json or spdx-json"));
    }

    private int required(String option, int most) {
        int value = (int) number(option, 0, most);
        if (value == 0) {
            throw new UsageException("--%s is needed, from 1 to %d".formatted(option, most))
                    .hint("berth sif add --help lists the numbers");
        }
        return value;
    }

    private long number(String option, long otherwise, long most) {
        String text = invocation.value(option).orElse(Long.toString(otherwise));
        if (!text.matches("[0-9]{1,10}") || Long.parseLong(text) > most) {
            throw new UsageException("--%s %s is not a number up to %d".formatted(option, text, most));
        }
        return Long.parseLong(text);
    }
}
