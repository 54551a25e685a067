package org.berth.cache;

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
        String name = blob.digest().hex();
        try {
            if (!store.has(blob)) {
                try (Leases.Lease _ = store.lease(blob.digest())) {
                    if (!store.has(blob)) {
                        Folder.deleteParts(store.directory(blob.digest()), name);
                        receive(blob, arrival);
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
        Path part = Folder.part(store.directory(blob.digest()), blob.digest().hex());
        progress.start(blob);
        try {
            try (InputStream in = remote.open(blob);
                    FileChannel out = Folder.createFile(part)) {
                arrival.growing(part);
                copy(in, out, part, blob, arrival);
                arrival.verified(part);
                out.force(true);
            }
            Folder.publish(part, store.path(blob.digest()));
            progress.done(blob);
        } finally {
            Files.deleteIfExists(part);
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
