package org.berth.place;

import java.util.Optional;
import org.berth.host.ByteSize;

/** Whether a place will do for a role. */
final class Fitness {
    private static final int STICKY = 01000;
    private static final int OTHERS_WRITE = 0002;

    private Fitness() {}

    /** What is wrong with it, in words; empty if it is fit. */
    static Optional<String> objection(Role role, Look look) {
        return owner(role, look)
                .or(() -> access(look))
                .or(() -> role.takes(look.kind().nature())
                        ? Optional.empty()
                        : Optional.of("it is on " + look.kind().text()))
                .or(() -> look.trial().flatMap(trial -> trial(role, look, trial)))
                .or(() -> room(role, look));
    }

    private static Optional<String> access(Look look) {
        if (look.trial().isPresent()) {
            return Optional.empty();
        }
        return Optional.of(
                look.exists()
                        ? "it is not writable"
                        : "it does not exist, and %s is not writable".formatted(look.directory()));
    }

    private static Optional<String> owner(Role role, Look look) {
        boolean open = (look.mode() & OTHERS_WRITE) != 0;
        boolean sticky = (look.mode() & STICKY) != 0;
        if (look.exists() && role.owner() == Role.Owner.USER) {
            return look.another()
                    .map(whose -> "it " + whose)
                    .or(() -> open ? Optional.of("others may write into it") : Optional.empty());
        }
        return open && !sticky
                ? Optional.of("others may replace what is in %s (it lacks the sticky bit)".formatted(look.directory()))
                : Optional.empty();
    }

    private static Optional<String> trial(Role role, Look look, Look.Trial trial) {
        if (role.needs(Role.Need.RENAME) && !trial.renames()) {
            return Optional.of("files cannot be renamed in it");
        }
        if (role.needs(Role.Need.LOCKS) && !trial.locks()) {
            return Optional.of("files cannot be locked in it");
        }
        if (role.needs(Role.Need.EXECUTION) && !trial.execution()) {
            return Optional.of("programs cannot be run from it (noexec)");
        }
        if (role == Role.UPPER && look.kind().type().equals("overlay")) {
            return Optional.of("it is on an overlay, and an overlay does not go on another");
        }
        return role.needs(Role.Need.ATTRIBUTES) && !trial.attributes()
                ? Optional.of("it takes no extended attributes (user.*)")
                : Optional.empty();
    }

    private static Optional<String> room(Role role, Look look) {
        boolean enough = look.room().bytes() >= role.leastBytes() && look.room().files() >= role.leastFiles();
        return enough
                ? Optional.empty()
                : Optional.of("it has %s, less than %s and %d files"
                        .formatted(look.room().text(), ByteSize.text(role.leastBytes()), role.leastFiles()));
    }
}
