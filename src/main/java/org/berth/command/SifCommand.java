package org.berth.command;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.berth.cli.CommandLineException;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifEditor;
import org.berth.sif.SifFile;
import org.berth.sif.SifIdentity;
import org.berth.sif.SifReport;
import org.berth.sif.SifWriter;

/** {@code sif list|header|info|dump|new|add|del|setprim}. */
final class SifCommand {
    private final Invocation invocation;
    private final Host host;

    SifCommand(Invocation invocation, Host host) {
        this.invocation = invocation;
        this.host = host;
    }

    /** @throws CommandLineException for every failure: as with Apptainer, the exit status is 1 and the usage is shown */
    int run() {
        try {
            switch (invocation.command().shortName()) {
                case "list" -> System.out.print(SifReport.list(file(0)));
                case "header" -> System.out.print(SifReport.header(file(0)));
                case "info" -> System.out.print(SifReport.info(object(file(1))));
                case "dump" -> dump(file(1));
                case "new" -> create();
                case "add" -> new SifAddition(invocation, host).perform();
                case "del" -> SifEditor.delete(file(1).path(), id(), SifEditor.Wipe.KEEP, now());
                default -> SifEditor.setPrimary(file(1).path(), id(), now());
            }
        } catch (BerthException e) {
            throw new CommandLineException(
                    Optional.of(invocation.command()),
                    "Error for command \"%s\": %s%s"
                            .formatted(
                                    invocation.command().shortName(),
                                    e.getMessage(),
                                    e.hint().map(hint -> " (" + hint + ")").orElse("")));
        }
        return ExitStatus.SUCCESS;
    }

    static long now() {
        return Instant.now().getEpochSecond();
    }

    private void create() {
        Path path = host.path(invocation.operands().getFirst());
        try (SifWriter writer = SifWriter.createWithoutLaunchLine(path, SifIdentity.fresh(Instant.now()))) {
            writer.finish(host.facts().umask());
        }
    }

    private void dump(SifFile file) {
        try {
            file.copy(object(file), System.out);
        } catch (IOException e) {
            throw new HostException("could not write to standard output: " + e.getMessage(), e);
        }
    }

    private SifFile file(int operand) {
        Path path = host.path(invocation.operands().get(operand));
        if (!host.exists(path)) {
            throw new ImageException("open %s: no such file or directory"
                    .formatted(invocation.operands().get(operand)));
        }
        return SifFile.read(path);
    }

    private int id() {
        String id = invocation.operands().getFirst();
        if (!id.matches("[0-9]{1,9}")) {
            throw new UsageException("'%s' is not the number of an object".formatted(id))
                    .hint("berth sif list shows them");
        }
        return Integer.parseInt(id);
    }

    private SifDescriptor object(SifFile file) {
        return file.object(id())
                .orElseThrow(
                        () -> new ImageException("object not found: %s has no object %d".formatted(file.path(), id()))
                                .hint("berth sif list shows them"));
    }
}
