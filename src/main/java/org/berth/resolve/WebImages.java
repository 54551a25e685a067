package org.berth.resolve;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.berth.cache.Cache;
import org.berth.cache.CacheType;
import org.berth.cache.ImageLease;
import org.berth.cache.ImageTrailer;
import org.berth.cache.Space;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.error.UsageException;
import org.berth.files.OutputFiles;
import org.berth.files.OwnFiles;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.resolve.Puller.PulledImage;
import org.berth.sif.SifFile;

/**
 * SIF files on web servers ({@code http://…}, {@code https://…}).
 *
 * <p>One is fetched again only when the server calls it changed: the cache knows it by its URL with {@code Last-Modified}
 * and {@code ETag}. One for which the server gives neither is fetched each time.
 */
public final class WebImages implements AutoCloseable {
    private static final Duration CONNECT = Duration.ofSeconds(30);
    private static final long STALLED_NANOS = 60_000_000_000L;
    private static final long LOOK_MILLIS = 1_000;

    private final PullSettings settings;
    private final PullEvents events;
    private final Puller puller;
    private final String userAgent;
    private final HttpClient client;

    public WebImages(PullSettings settings, PullEvents events, ProxySelector proxies, String userAgent) {
        this.settings = settings;
        this.events = events;
        this.puller = new Puller(settings, events);
        this.userAgent = userAgent;
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NORMAL)
                .connectTimeout(CONNECT)
                .proxy(proxies)
                .build();
    }

    /**
     * The image in the cache, or in a temporary file where there is none.
     *
     * @throws RegistryException if the server does not give it
     * @throws ImageException if it is no SIF
     */
    public PulledImage fetch(String url) {
        URI uri = uri(url);
        HttpResponse<InputStream> response = get(uri);
        try (InputStream body = response.body()) {
            if (response.statusCode() != 200) {
                throw new RegistryException(
                        "could not fetch %s: the server answers with status %d".formatted(url, response.statusCode()));
            }
            Optional<String> validator = validator(response.headers());
            Optional<Cache> cache = validator.flatMap(v -> puller.cache());
            if (cache.isPresent()) {
                return new PulledImage(cached(cache.orElseThrow(), url, validator.orElseThrow(), response), false);
            }
            Path file = OwnFiles.temporary(settings.temporary().get(), "berth-image-", ".sif");
            boolean done = false;
            try {
                receive(url, response, file);
                done = true;
                return new PulledImage(file, true);
            } finally {
                if (!done) {
                    OwnFiles.remove(file);
                }
            }
        } catch (IOException e) {
            throw failed(url, e);
        }
    }

    private static URI uri(String url) {
        try {
            URI uri = new URI(url);
            if (uri.getHost() == null) {
                throw new UsageException("'%s' names no host".formatted(url));
            }
            return uri;
        } catch (URISyntaxException e) {
            throw new UsageException("'%s' is not a URL: %s".formatted(url, e.getReason()), e);
        }
    }

    private HttpResponse<InputStream> get(URI uri) {
        HttpRequest request =
                HttpRequest.newBuilder(uri).header("User-Agent", userAgent).build();
        CompletableFuture<HttpResponse<InputStream>> answer = client.sendAsync(request, BodyHandlers.ofInputStream());
        try {
            return answer.get(CONNECT.toSeconds() + STALLED_NANOS / 1_000_000_000L, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw new RegistryException("could not fetch %s: the server does not answer".formatted(uri), e);
        } catch (InterruptedException e) {
            answer.cancel(true);
            throw new HostException("interrupted while waiting for %s".formatted(uri.getHost()), e);
        } catch (ExecutionException e) {
            throw failed(uri.toString(), e.getCause() instanceof IOException io ? io : new IOException(e.getCause()));
        }
    }

    private static RegistryException failed(String url, IOException e) {
        String reason = String.valueOf(
                e.getMessage() == null && e.getCause() != null ? e.getCause().getMessage() : e.getMessage());
        return new RegistryException(
                "could not fetch %s: %s".formatted(url, reason.equals("null") ? "no connection" : reason), e);
    }

    private static Optional<String> validator(HttpHeaders headers) {
        String text = headers.firstValue("Last-Modified").orElse("") + "\n"
                + headers.firstValue("ETag").orElse("");
        return text.equals("\n") ? Optional.empty() : Optional.of(text);
    }

    private Path cached(Cache cache, String url, String validator, HttpResponse<InputStream> response)
            throws IOException {
        String key = Digest.sha256((url + "\n" + validator).getBytes(StandardCharsets.UTF_8))
                .hex();
        try (ImageLease lease = cache.lease(CacheType.NET, key, Puller::intact, events::info)) {
            return switch (lease) {
                case ImageLease.Finished(Path file) -> {
                    events.cached("Using image from cache");
                    yield file;
                }
                case ImageLease.Writer writer -> {
                    receive(url, response, writer.temporary());
                    ImageTrailer.append(writer.temporary());
                    yield writer.publish();
                }
            };
        }
    }

    private void receive(String url, HttpResponse<InputStream> response, Path file) throws IOException {
        events.info("Downloading network image");
        long length = response.headers().firstValueAsLong("Content-Length").orElse(0);
        Space.require(OutputFiles.folder(file), length);
        Descriptor shown = new Descriptor("", Digest.sha256(url.getBytes(StandardCharsets.UTF_8)), length, Map.of());
        try (PullEvents.ShownProgress progress = events.progress();
                InputStream in = new ShownSource(_ -> new Watched(response.body()), progress).open(shown)) {
            OutputFiles.write(in, file);
        }
        try {
            if (SifFile.read(file).primaryPartition().isEmpty()) {
                throw new ImageException("it has no primary system partition");
            }
        } catch (ImageException e) {
            throw new ImageException("%s: what the server gives is no SIF image".formatted(url), e)
                    .hint("the address must be that of the file itself");
        }
    }

    @Override
    public void close() {
        client.shutdownNow();
    }

    /** A body that is given up when nothing has come for long: a read on it cannot be given a time limit. */
    private static final class Watched extends FilterInputStream {
        private final AtomicLong heard = new AtomicLong(System.nanoTime());
        private final Thread watch;

        Watched(InputStream in) {
            super(in);
            watch = Thread.ofVirtual().start(this::watch);
        }

        private void watch() {
            try {
                while (System.nanoTime() - heard.get() < STALLED_NANOS) {
                    Thread.sleep(LOOK_MILLIS);
                }
                in.close();
            } catch (InterruptedException | IOException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int count = in.read(buffer, offset, length);
            if (count < 0 && System.nanoTime() - heard.get() >= STALLED_NANOS) {
                throw new IOException("nothing has come for %d s".formatted(STALLED_NANOS / 1_000_000_000L));
            }
            heard.set(System.nanoTime());
            return count;
        }

        @Override
        public void close() throws IOException {
            watch.interrupt();
            in.close();
        }
    }
}
