package org.berth.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.berth.sif.SifReport;

/** {@code sif list|header|info|dump}. */
final class SifCommand {
    private SifCommand() {}

    static int run(Invocation invocation, Host host) {
        switch (invocation.command().shortName()) {
            case "list" -> System.out.print(SifReport.list(file(invocation, 0, host)));
            case "header" -> System.out.print(SifReport.header(file(invocation, 0, host)));
            case "info" -> System.out.print(SifReport.info(object(invocation, file(invocation, 1, host))));
            default -> dump(invocation, host);
        }
        return Program.SUCCESS;
    }

    private static void dump(Invocation invocation, Host host) {
        SifFile file = file(invocation, 1, host);
        try {
            file.copy(object(invocation, file), System.out);
        } catch (IOException e) {
            throw new HostException("could not write to standard output: " + e.getMessage(), e);
        }
    }

    private static SifFile file(Invocation invocation, int operand, Host host) {
        Path path = host.path(invocation.operands().get(operand));
        if (!host.exists(path)) {
            throw new ImageException("could not open image %s: no such file or directory".formatted(path));
        }
        return SifFile.read(path);
    }

    private static SifDescriptor object(Invocation invocation, SifFile file) {
        String id = invocation.operands().getFirst();
        if (!id.matches("[0-9]{1,9}")) {
            throw new ImageException("'%s' is not the number of an object".formatted(id))
                    .hint("berth sif list shows them");
        }
        return file.object(Integer.parseInt(id))
                .orElseThrow(() -> new ImageException("%s: there is no object %s".formatted(file.path(), id))
                        .hint("berth sif list shows them"));
    }
}
