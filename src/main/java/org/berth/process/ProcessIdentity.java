package org.berth.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A process as others name it in files that they share, on this machine or on another.
 *
 * @param host the machine's short name, for people; letters, digits and hyphens
 * @param place the set of processes that the number belongs to: eight digits that stand for this boot of this machine
 *     and the PID namespace
 * @param start when it started, in the kernel's ticks since boot: numbers are used again
 */
public record ProcessIdentity(String host, String place, long pid, long start) {
    private static final Pattern WORD = Pattern.compile("([A-Za-z0-9-]{1,40})-([0-9a-f]{8})-(\\d{1,10})-(\\d{1,18})");
    private static final Path PROC = Path.of("/proc");

    private static final class Current {
        static final ProcessIdentity IDENTITY = read();
    }

    /** This process. */
    public static ProcessIdentity current() {
        return Current.IDENTITY;
    }

    private static ProcessIdentity read() {
        String random = "%08x".formatted(ThreadLocalRandom.current().nextInt());
        long own = ProcessHandle.current().pid();
        try {
            String host = Files.readString(PROC.resolve("sys/kernel/hostname")).strip();
            String boot =
                    Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
            String namespace =
                    Files.readSymbolicLink(PROC.resolve("self/ns/pid")).toString();
            boolean ours =
                    Files.readSymbolicLink(PROC.resolve("self")).toString().equals(Long.toString(own));
            // A /proc of another PID namespace shows other processes under our numbers: then nobody can judge by it.
            String place = ours ? hash(boot + "\n" + namespace) : random;
            return new ProcessIdentity(
                    shortName(host), place, own, startTime(own).orElse(0));
        } catch (IOException e) {
            return new ProcessIdentity("unknown", random, own, 0);
        }
    }

    private static String shortName(String host) {
        String name = host.replaceFirst("\\..*", "").replaceAll("[^A-Za-z0-9-]", "-");
        return name.isEmpty() ? "unknown" : name.substring(0, Math.min(40, name.length()));
    }

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What {@link #word} wrote; empty for another text. */
    public static Optional<ProcessIdentity> parse(String word) {
        Matcher matcher = WORD.matcher(word);
        return matcher.matches()
                ? Optional.of(new ProcessIdentity(
                        matcher.group(1),
                        matcher.group(2),
                        Long.parseLong(matcher.group(3)),
                        Long.parseLong(matcher.group(4))))
                : Optional.empty();
    }

    /** The identity in letters, digits and hyphens, at most 80 of them. */
    public String word() {
        return "%s-%s-%d-%d".formatted(host, place, pid, start);
    }

    /** Whether this process can know whether that one lives: both are of one machine and PID namespace. */
    public boolean isNeighbour() {
        return place.equals(current().place);
    }

    /**
     * Whether the process has ended for certain; one of another machine or PID namespace never has.
     *
     * <p>Where /proc hides the processes of other users, these look ended, too: ask about one's own only.
     */
    public boolean isGone() {
        if (!isNeighbour()) {
            return false;
        }
        try {
            OptionalLong now = startTime(pid);
            return now.isEmpty() || now.getAsLong() != start;
        } catch (IOException e) {
            return false;
        }
    }

    /** Empty if there is no such process; one that has ended and waits for its parent is none. */
    private static OptionalLong startTime(long pid) throws IOException {
        Path stat = PROC.resolve(Long.toString(pid)).resolve("stat");
        try {
            // The command's name is in parentheses and may have blanks and parentheses in it.
            String text = Files.readString(stat, StandardCharsets.ISO_8859_1);
            String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ");
            boolean ended = fields[0].equals("Z") || fields[0].equals("X");
            return ended ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(fields[19]));
        } catch (IOException e) {
            // Gone before it was opened, or between opening and reading it (ESRCH).
            if (Files.exists(stat)) {
                throw e;
            }
            return OptionalLong.empty();
        }
    }

    /** For messages. */
    @Override
    public String toString() {
        return "process %d on %s".formatted(pid, host);
    }
}
