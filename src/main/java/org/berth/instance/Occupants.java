package org.berth.instance;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.berth.error.HostException;
import org.berth.files.Reason;
import org.berth.files.SmallFile;

/**
 * Who is in a kept container: the lines {@code PID START-TIME} of its lock file, one for each holder.
 *
 * <p>The launcher writes them (docs/plan.md, {@code lease} and {@code join}): whoever starts the container holds a write lock
 * on the file until it can be entered, and from then on every holder has a read lock, which the kernel takes away with the
 * process. So lines of processes that are gone mean nothing, and a container is free when a write lock can be had.
 */
public final class Occupants {
    private static final int MAX_BYTES = 1 << 16;
    private static final int START_TIME_FIELD = 22;

    private Occupants() {}

    /**
     * A process that holds the container open.
     *
     * @param startTime in clock ticks since the machine's start, field 22 of proc_pid_stat(5)
     */
    public record Holder(int pid, long startTime) {}

    /** A holder that lives, if any does. */
    public static Optional<Holder> living(KeptContainer container) {
        return holders(container).stream()
                .filter(holder -> startTime(holder.pid())
                        .filter(t -> t == holder.startTime())
                        .isPresent())
                .findFirst();
    }

    /** Whether the container could be entered at least once since it was made. */
    static boolean everStarted(KeptContainer container) {
        return !text(container.lock()).isEmpty();
    }

    /** What is done while nobody is in the container and nobody can start it. */
    interface Alone {
        void act() throws IOException;
    }

    /** Acts if nobody is in the container; false if somebody is. */
    static boolean ifFree(KeptContainer container, Alone alone) throws IOException {
        SmallFile.requireRegular(container.lock());
        try (FileChannel channel = FileChannel.open(
                        container.lock(),
                        Set.of(StandardOpenOption.WRITE, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
                FileLock lock = channel.tryLock()) {
            if (lock == null) {
                return false;
            }
            alone.act();
            return true;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private static List<Holder> holders(KeptContainer container) {
        return text(container.lock())
                .lines()
                .filter(line -> line.matches("[0-9]{1,9} [0-9]{1,18}"))
                .map(line -> line.split(" ", 2))
                .map(words -> new Holder(Integer.parseInt(words[0]), Long.parseLong(words[1])))
                .toList();
    }

    private static String text(Path file) {
        try {
            return new String(SmallFile.start(file, MAX_BYTES), StandardCharsets.US_ASCII);
        } catch (NoSuchFileException e) {
            return "";
        } catch (IOException e) {
            throw new HostException("could not read %s: %s".formatted(file, Reason.of(e)), e);
        }
    }

    /** Empty for a process that is gone, or has ended and was not awaited. */
    private static Optional<Long> startTime(int pid) {
        String stat;
        try {
            stat = Files.readString(Path.of("/proc", Integer.toString(pid), "stat"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return Optional.empty();
        }
        // The name, in parentheses, may hold anything; the state is the field after it, number 3.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return fields[0].matches("[ZX]") || fields.length <= START_TIME_FIELD - 3
                ? Optional.empty()
                : Optional.of(Long.parseLong(fields[START_TIME_FIELD - 3]));
    }
}
