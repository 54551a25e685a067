package org.berth.terminal;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.resolve.PullEvents;

/**
 * Tells of each blob when it starts, from time to time while it is under way, and when it is complete; for those who read
 * lines and cannot see a line change.
 *
 * <p>A blob gets one report per interval at most, besides its first and its last; without new bytes it gets none.
 */
final class ReportedProgress implements PullEvents.ShownProgress {
    /** Where a blob stands. */
    enum State {
        STARTED,
        RUNNING,
        COMPLETE
    }

    /** Takes the reports, one at a time. */
    interface Report {
        /** @param bytes that have come, or gone, so far */
        void blob(Descriptor blob, long bytes, State state);
    }

    private final long intervalNanos;
    private final LongSupplier nanos;
    private final Report report;
    private final Consumer<String> sentences;
    private final Map<Digest, Transfer> transfers = new HashMap<>();

    private static final class Transfer {
        long bytes;
        long reportedNanos;

        Transfer(long now) {
            reportedNanos = now;
        }
    }

    /**
     * @param nanos a clock as {@link System#nanoTime}
     * @param sentences takes what the user is told besides
     */
    ReportedProgress(Duration interval, LongSupplier nanos, Report report, Consumer<String> sentences) {
        this.intervalNanos = interval.toNanos();
        this.nanos = nanos;
        this.report = report;
        this.sentences = sentences;
    }

    @Override
    public synchronized void start(Descriptor blob) {
        if (transfers.putIfAbsent(blob.digest(), new Transfer(nanos.getAsLong())) == null) {
            report.blob(blob, 0, State.STARTED);
        }
    }

    @Override
    public synchronized void bytes(Descriptor blob, long count) {
        Transfer transfer = transfers.get(blob.digest());
        if (transfer == null) {
            return;
        }
        transfer.bytes += count;
        long now = nanos.getAsLong();
        if (count > 0 && now - transfer.reportedNanos >= intervalNanos) {
            transfer.reportedNanos = now;
            report.blob(blob, transfer.bytes, State.RUNNING);
        }
    }

    /** The end may be told twice; it is reported once. */
    @Override
    public synchronized void done(Descriptor blob) {
        Transfer transfer = transfers.remove(blob.digest());
        if (transfer != null) {
            report.blob(blob, transfer.bytes, State.COMPLETE);
        }
    }

    @Override
    public void waits(String sentence) {
        sentences.accept(sentence);
    }

    @Override
    public void close() {}
}
