package org.berth.command;

import java.nio.file.Path;
import org.berth.cli.Invocation;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.sign.Selection;

/** What {@code sign} and {@code verify} share: the image, the choice of objects, and how failures are told. */
final class Signatures {
    private Signatures() {}

    /** The image's path, after a look whether it is there. */
    static Path image(Invocation invocation, Host host) {
        String name = invocation.operands().getFirst();
        Path path = host.path(name);
        if (!host.exists(path)) {
            throw new ImageException("open %s: no such file or directory".formatted(name));
        }
        if (host.isDirectory(path)) {
            throw new ImageException("%s: a directory has no signatures, only SIF files have".formatted(name));
        }
        return path;
    }

    static Selection selection(Invocation invocation) {
        if (invocation.given("group-id") && invocation.given("sif-id")) {
            throw new UsageException("--group-id and --sif-id exclude each other");
        }
        return invocation
                .value("group-id")
                .<Selection>map(text -> new Selection.Group(number("group-id", text)))
                .or(() -> invocation.value("sif-id").map(text -> new Selection.OneObject(number("sif-id", text))))
                .orElseGet(Selection.AllGroups::new);
    }

    static int number(String option, String text) {
        if (!text.matches("[0-9]{1,9}")) {
            throw new UsageException("--%s %s: not a number".formatted(option, text));
        }
        return Integer.parseInt(text);
    }

    /** The same failure, with what it was that failed before it. */
    static HostException during(String what, BerthException e) {
        HostException told = new HostException(what + ": " + e.getMessage(), e);
        e.hint().ifPresent(told::hint);
        return told;
    }
}
