package org.berth.cache;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.files.Unfinished;
import org.berth.oci.BoundedInputStream;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.LayerSource;
import org.berth.oci.Progress;

/**
 * The blobs of an image on their way into the store, three at once, the top layer first; readable while they come.
 *
 * <p>{@link #finish} waits for the rest and tells of failures, {@link #close} gives up what is still on its way.
 */
public final class Download implements LayerSource, AutoCloseable {
    private static final int AT_ONCE = 3;
    private static final int BUFFER = 128 << 10;
    /** Bytes; less of a blob is fetched again as quickly as it is looked for. */
    private static final long WORTH_KEEPING = 1 << 20;

    private final BlobStore store;
    private final LayerSource remote;
    private final Progress progress;
    private final Map<Digest, Arrival> arrivals = new LinkedHashMap<>();
    private final ExecutorService pool = Executors.newFixedThreadPool(
            AT_ONCE, Thread.ofPlatform().daemon().name("download-", 0).factory());

    /** @param blobs in the order of the manifest; a digest that occurs twice is fetched once */
    Download(BlobStore store, List<Descriptor> blobs, LayerSource remote, Progress progress) {
        this.store = store;
        this.remote = remote;
        this.progress = progress;
        Map<Digest, Descriptor> wanted = new LinkedHashMap<>();
        for (Descriptor blob : blobs.reversed()) {
            Descriptor same = wanted.putIfAbsent(blob.digest(), blob);
            if (same != null && same.size() != blob.size()) {
                throw new ImageException("blob %s is listed with %d and with %d bytes"
                        .formatted(blob.digest(), same.size(), blob.size()));
            }
        }
        store.requireSpace(wanted.values());
        wanted.values().forEach(blob -> arrivals.put(blob.digest(), new Arrival(blob)));
        wanted.values().forEach(blob -> pool.execute(() -> fetch(blob, arrival(blob))));
        pool.shutdown();
    }

    private Arrival arrival(Descriptor blob) {
        return Optional.ofNullable(arrivals.get(blob.digest()))
                .orElseThrow(() -> new IllegalArgumentException("blob %s was not asked for".formatted(blob.digest())));
    }

    /** Opens a blob that was asked for; waits until its first bytes are on their way. */
    @Override
    public InputStream open(Descriptor blob) throws IOException {
        Optional<InputStream> arriving = arrival(blob).open();
        return arriving.isPresent() ? arriving.get() : store.open(blob);
    }

    /** Waits until all blobs are in the store. */
    public void finish() throws IOException {
        for (Arrival arrival : arrivals.values()) {
            arrival.join();
        }
    }

    private void fetch(Descriptor blob, Arrival arrival) {
        try {
            Optional<Leases.Lease> lease = store.lease(blob, progress::waits);
            if (lease.isPresent()) {
                try (Leases.Lease held = lease.orElseThrow()) {
                    if (!store.has(blob)) {
                        receive(blob, arrival);
                        held.finished();
                    }
                }
            }
            arrival.stored();
        } catch (InterruptedException e) {
            arrival.failed(new IOException("the download was given up", e));
        } catch (IOException | RuntimeException e) {
            arrival.failed(e);
        }
    }

    private void receive(Descriptor blob, Arrival arrival) throws IOException {
        Path file = store.path(blob.digest());
        Optional<Path> earlier = earlier(file, blob);
        progress.start(blob);
        try (Unfinished part = Unfinished.resumable(file, WORTH_KEEPING)) {
            try (InputStream in = open(blob, earlier);
                    FileChannel out = Folder.createFile(part.path())) {
                arrival.growing(part.path());
                copy(in, out, part.path(), blob, arrival);
                arrival.verified(part.path());
                out.force(true);
            } catch (ImageException e) {
                part.remove();
                earlier.ifPresent(Download::forget);
                throw earlier.isPresent() ? damaged(blob, e) : e;
            }
            Folder.publish(part.path(), file);
        }
        Folder.deleteAbandoned(OutputFiles.folder(file), blob.digest().hex());
        progress.done(blob);
    }

    private static ImageException damaged(Descriptor blob, ImageException failure) {
        return new ImageException(
                        "blob %s: what an earlier download left of it was damaged and has been removed"
                                .formatted(blob.digest()),
                        failure)
                .hint("run the command again: it will be fetched anew");
    }

    /** The longest piece that a download left which was cut off; the others are of no use. */
    private static Optional<Path> earlier(Path file, Descriptor blob) throws IOException {
        Optional<Path> longest = Optional.empty();
        long length = WORTH_KEEPING - 1;
        for (Path part :
                Unfinished.abandoned(OutputFiles.folder(file), blob.digest().hex())) {
            long size = Files.size(part);
            if (size > length && size < blob.size()) {
                longest.ifPresent(Download::forget);
                longest = Optional.of(part);
                length = size;
            } else {
                forget(part);
            }
        }
        return longest;
    }

    private static void forget(Path part) {
        try {
            Files.deleteIfExists(part);
        } catch (IOException e) {
            // It costs space until it is swept.
        }
    }

    /**
     * The blob from its start: what is here already and then the rest. It is copied and not appended to: two may take it up
     * at once, where two think that they have the lease.
     */
    private InputStream open(Descriptor blob, Optional<Path> earlier) throws IOException {
        if (earlier.isEmpty()) {
            return remote.open(blob);
        }
        InputStream start = Files.newInputStream(earlier.orElseThrow());
        long length = Files.size(earlier.orElseThrow());
        return remote.open(blob, new BoundedStart(start, length), length);
    }

    /** Exactly so many bytes, whatever is written to the file meanwhile. */
    private static final class BoundedStart extends BoundedInputStream {
        BoundedStart(InputStream in, long length) {
            super(in, length);
        }

        @Override
        protected int cut() throws IOException {
            throw new EOFException("the cache's file was cut");
        }
    }

    /** The source verifies: it ends with an exception unless all bytes were the blob's. */
    private void copy(InputStream in, FileChannel out, Path part, Descriptor blob, Arrival arrival) throws IOException {
        byte[] buffer = new byte[BUFFER];
        long total = 0;
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            try {
                ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, count);
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
            } catch (IOException e) {
                throw Space.writeFailure(part, blob.size(), e);
            }
            total += count;
            arrival.received(part, total);
            progress.bytes(blob, count);
        }
        if (total != blob.size()) {
            throw new ImageException("blob %s has %d bytes, not %d".formatted(blob.digest(), total, blob.size()));
        }
    }

    @Override
    public void close() {
        // What is complete is stored all the same: its reader need not have waited for the disk.
        if (!arrivals.values().stream().allMatch(Arrival::isComplete)) {
            pool.shutdownNow();
        }
        boolean interrupted = false;
        while (!pool.isTerminated()) {
            try {
                pool.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        arrivals.values().forEach(Arrival::abandon);
    }
}
