package org.berth.gather;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.OutputFiles;
import org.berth.files.Trees;
import org.berth.files.Unfinished;
import org.berth.host.Host;

/**
 * Where an image is to be: it is made beside that place under a hidden name and moved there when it is whole, so that what
 * was there is kept until then, and a failure leaves nothing.
 */
public final class BuildTarget {
    private final Host host;
    private final Path destination;
    private final String named;
    private final Optional<Unfinished> made;

    /** What is made. */
    public enum Form {
        FILE,
        SANDBOX
    }

    /** @param named as the user did */
    public BuildTarget(Host host, Path destination, String named, Form form) {
        this.host = host;
        this.destination = destination;
        this.named = named;
        // Whoever writes a file makes it appear by rename himself; only directories need a second step.
        boolean directories = form == Form.SANDBOX || host.isDirectory(destination);
        this.made = directories ? Optional.of(Unfinished.beside(destination)) : Optional.empty();
    }

    public Path destination() {
        return destination;
    }

    /** Makes sure that {@code build} may put its result there (apptainer.md 4.3, "Destination rules"). */
    public void requireFree(boolean force, Listener listener) {
        if (host.isLink(destination) || host.exists(destination)) {
            requireReplaceable(force, listener);
        }
        requirePossible();
    }

    private void requireReplaceable(boolean force, Listener listener) {
        boolean directory = host.isDirectory(destination);
        if (directory && host.list(destination).isEmpty() || force) {
            return;
        }
        if (directory && !host.isDirectory(destination.resolve(".singularity.d"))) {
            throw new HostException(
                    "%s is not empty and is not a sandbox, check its content first and use --force if you want to overwrite it"
                            .formatted(destination));
        }
        if (!host.facts().standardInputIsTerminal()) {
            throw new HostException(
                    "build target '%s' already exists. Use --force if you want to overwrite it".formatted(named));
        }
        String question =
                "Build target '%s' already exists and will be deleted during the build process. ".formatted(named)
                        + "Do you want to continue? [y/N] ";
        if (!listener.confirms(question)) {
            throw new HostException("stopping build");
        }
    }

    /** Makes sure that something can be made there, before work is done for it. */
    public void requirePossible() {
        Path folder = destination.getParent();
        if (folder == null || host.facts().cwd().startsWith(destination)) {
            throw new UsageException("%s cannot be replaced: it is the working directory or above it".formatted(named));
        }
        if (!host.isDirectory(folder)) {
            throw new HostException("could not write %s: there is no directory %s".formatted(destination, folder));
        }
        if (!host.isWritable(folder)) {
            throw new HostException("could not write %s: permission denied".formatted(destination));
        }
    }

    /** Where to make it; a file may be the destination itself, which is then replaced when it is whole. */
    public Path unfinished() {
        return made.map(Unfinished::path).orElse(destination);
    }

    /** Moves what was made to its place, and removes what was there. */
    public void publish() {
        if (made.isEmpty()) {
            return;
        }
        if (!Files.exists(destination, LinkOption.NOFOLLOW_LINKS)) {
            OutputFiles.rename(unfinished(), destination);
        } else {
            // Nobody's to remove but ours: it is the user's until the new one stands in its place.
            Path old = OutputFiles.beside(destination);
            OutputFiles.rename(destination, old);
            boolean done = false;
            try {
                OutputFiles.rename(unfinished(), destination);
                done = true;
            } finally {
                if (!done) {
                    OutputFiles.rename(old, destination);
                }
            }
            Trees.remove(old);
        }
        discard();
    }

    /** Removes what was made so far. */
    public void discard() {
        made.ifPresent(Unfinished::close);
    }
}
