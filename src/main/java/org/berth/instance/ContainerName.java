package org.berth.instance;

import java.util.Optional;
import java.util.regex.Pattern;
import org.berth.error.UsageException;

/**
 * A kept container as the user names it: {@code NAME[:create|exec|no_exec]}.
 *
 * @param job the Slurm job with which the container ends, if any
 */
public record ContainerName(String name, Mode mode, Optional<String> job) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,99}");
    private static final Pattern JOB = Pattern.compile("[0-9]{1,20}");

    /** What is done with it. */
    public enum Mode {
        /** Joined when it runs, used when it is there, else made. */
        AUTO,
        /** Made; an error if it is there. */
        CREATE,
        /** Joined; an error unless it runs. */
        EXEC,
        /** Used or made, never joined. */
        NO_EXEC
    }

    public ContainerName {
        if (!NAME.matcher(name).matches() || name.startsWith(KeptContainers.JOB_PREFIX)) {
            throw new UsageException("'%s' is no name for a container".formatted(printable(name)))
                    .hint("letters, digits, '_', '.' and '-', at most 100, not '%s…'"
                            .formatted(KeptContainers.JOB_PREFIX));
        }
        job.ifPresent(id -> {
            if (!JOB.matcher(id).matches()) {
                throw new UsageException("'%s' is no job's number".formatted(printable(id)));
            }
        });
    }

    /** @throws UsageException for another word after the colon, or an impossible name */
    public static ContainerName parse(String text, Optional<String> job) {
        int colon = text.indexOf(':');
        if (colon < 0) {
            return new ContainerName(text, Mode.AUTO, job);
        }
        String word = text.substring(colon + 1);
        Mode mode = switch (word) {
            case "auto" -> Mode.AUTO;
            case "create" -> Mode.CREATE;
            case "exec" -> Mode.EXEC;
            case "no_exec" -> Mode.NO_EXEC;
            default ->
                throw new UsageException(
                                "container name '%s': '%s' is unknown".formatted(printable(text), printable(word)))
                        .hint("after the colon: auto, create, exec or no_exec");
        };
        return new ContainerName(text.substring(0, colon), mode, job);
    }

    private static String printable(String text) {
        String shown = text.codePoints()
                .limit(60)
                .mapToObj(c -> Character.isISOControl(c) ? "?" : Character.toString(c))
                .reduce("", String::concat);
        return shown.length() < text.length() ? shown + "…" : shown;
    }
}
