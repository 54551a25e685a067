package org.berth.gather;

import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.berth.cache.NameFiles;
import org.berth.cli.Invocation;
import org.berth.cli.Version;
import org.berth.config.SiteConfig;
import org.berth.convert.Compression;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.host.ByteSize;
import org.berth.host.Host;
import org.berth.oci.ImageNames;
import org.berth.oci.ImageReference;
import org.berth.oci.Platform;
import org.berth.oci.Platforms;
import org.berth.registry.LibraryClient;
import org.berth.registry.LibraryReference;
import org.berth.registry.Proxies;
import org.berth.registry.RegistryClient;
import org.berth.registry.RegistrySettings.Reach;
import org.berth.registry.RegistrySettings.Transport;
import org.berth.resolve.ArchiveSource;
import org.berth.resolve.BuildTime;
import org.berth.resolve.ImageSource;
import org.berth.resolve.LibrarySource;
import org.berth.resolve.LocalBuild;
import org.berth.resolve.LocalImages;
import org.berth.resolve.OrasSource;
import org.berth.resolve.PullSettings;
import org.berth.resolve.Puller;
import org.berth.resolve.RegistrySource;
import org.berth.resolve.SifPuller;
import org.berth.resolve.WebImages;

/** What a command line and the environment say about pulling: directories, credentials, compression, platform, progress. */
public final class Pulling {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Listener listener;
    private final Places places;
    private boolean told;

    public Pulling(Invocation invocation, Host host, SiteConfig site, Listener listener) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.listener = listener;
        this.places = new Places(invocation, host, site);
    }

    public Places places() {
        return places;
    }

    public Puller puller() {
        listener.verbose("%d processors and a heap of %s are here for a conversion"
                .formatted(
                        Runtime.getRuntime().availableProcessors(),
                        ByteSize.text(Runtime.getRuntime().maxMemory())));
        return new Puller(settings(), listener.events());
    }

    private WebImages web() {
        return new WebImages(
                settings(), listener.events(), Proxies.of(host::env).selector(), Version.USER_AGENT);
    }

    public LocalBuild localBuild(LocalImages images) {
        return new LocalBuild(host, images, settings(), listener.events());
    }

    /** The image, in the cache or in a temporary file: converted, or fetched as it is. */
    public Puller.PulledImage acquire(ImageName.Distant name) {
        return switch (name) {
            case ImageName.Remote remote -> from(remote, source -> puller().pull(source));
            case ImageName.Whole whole -> fetch(whole);
        };
    }

    /** What is done with a source while it can be read. */
    public interface Use<T> {
        T with(ImageSource source);
    }

    /** Opens what an image's name says, for as long as it is used. */
    public <T> T from(ImageName.Remote name, Use<T> use) {
        return switch (name) {
            case ImageName.Docker(String uri, String from) -> {
                ImageReference reference = ImageReference.parse(from);
                Platform platform = platform();
                try (RegistryClient client = client(Transport.HTTPS)) {
                    T result = use.with(new RegistrySource(client, reference, from, platform));
                    RegistryAccess.tellLimit(client, listener);
                    yield result;
                }
            }
            case ImageName.Stored stored ->
                use.with(new ArchiveSource(
                        StoredNames.source(stored, host, invocation.value("docker-host")),
                        stored.from(),
                        platform(),
                        this::temporaryDirectory));
        };
    }

    /** A SIF as it is: in the cache, or a temporary file. */
    private Puller.PulledImage fetch(ImageName.Whole name) {
        return switch (name) {
            case ImageName.Web(String url) -> {
                try (WebImages web = web()) {
                    yield web.fetch(url);
                }
            }
            case ImageName.Oras(String uri, String from) -> {
                ImageReference reference = ImageReference.parse(from, "oras");
                try (RegistryClient client = client(Transport.HTTPS_OR_LOOPBACK)) {
                    yield new SifPuller(settings(), listener.events())
                            .pull(new OrasSource(client, reference, platform()));
                }
            }
            case ImageName.Library(String uri, String from) -> {
                LibraryReference reference = LibraryReference.parse(from);
                URI address = LibraryAccess.address(reference, invocation, site);
                try (LibraryClient client = new LibraryClient(
                        address, new RegistryAccess(invocation, host, listener).settings(Transport.HTTPS))) {
                    yield new SifPuller(settings(), listener.events())
                            .pull(new LibrarySource(client, reference, platform()));
                }
            }
        };
    }

    /** @param otherwise the transport without {@code --no-https} */
    private RegistryClient client(Transport otherwise) {
        return new RegistryAccess(invocation, host, listener)
                .client(
                        otherwise,
                        invocation.shared().flag("disable-cache")
                                ? ImageNames.NONE
                                : places.cacheDirectory()
                                        .<ImageNames>map(directory -> new NameFiles(directory, places.owners()))
                                        .orElse(ImageNames.NONE),
                        reach());
    }

    /** A job that waited for days is not to fail for a registry that is down for a minute. */
    private Reach reach() {
        boolean falls = switch (site.fallback()) {
            case YES -> true;
            case NO -> false;
            case JOBS -> host.env("SLURM_JOB_ID").isPresent();
        };
        return falls ? Reach.NETWORK_OR_CACHE : Reach.NETWORK;
    }

    private Path temporaryDirectory() {
        return places.temporaryDirectory(listener);
    }

    /** The platform of {@code --arch}, or of this machine. */
    public Platform platform() {
        Optional<String> arch = invocation.shared().value("arch");
        Optional<String> variant = invocation.shared().value("arch-variant");
        Platform own = Platforms.ofMachine(host.facts().machine())
                .orElseThrow(() -> new HostException("there are no container images for this machine (%s)"
                        .formatted(host.facts().machine())));
        if (arch.isEmpty() && variant.isEmpty()) {
            return own;
        }
        return Platforms.parse(arch.orElse(own.architecture()), variant.orElse(""));
    }

    private PullSettings settings() {
        String compression = invocation
                .value("compression")
                .or(() -> invocation.shared().value("mksquashfs-args").flatMap(this::ofMksquashfs))
                .orElse(site.compression());
        int colon = compression.indexOf(':');
        Compression kind = compressionOf(colon < 0 ? compression : compression.substring(0, colon));
        return new PullSettings(
                cacheDirectory(),
                places.owners(),
                EndedJobs.asked(host),
                this::temporaryDirectory,
                kind,
                colon < 0 ? kind.defaultLevel() : level(compression.substring(colon + 1)),
                buildTime(),
                buildTime().reproducible() ? ZoneOffset.UTC : ZoneId.systemDefault(),
                Runtime.getRuntime().availableProcessors(),
                site.imageLimits(),
                host.facts().umask(),
                Version.APPTAINER);
    }

    private Optional<Path> cacheDirectory() {
        if (invocation.shared().flag("disable-cache")) {
            return Optional.empty();
        }
        if (!told) {
            told = true;
            places.tellOfRefused(listener);
        }
        return places.cacheDirectory();
    }

    /** What {@code mksquashfs} would compress with: {@code -comp} and the level are understood, the rest is not. */
    private Optional<String> ofMksquashfs(String arguments) {
        List<String> words = List.of(arguments.strip().split("\\s+"));
        Optional<String> kind = after(words, "-comp");
        Optional<String> level = after(words, "-Xcompression-level");
        int understood = (kind.isPresent() ? 2 : 0) + (level.isPresent() ? 2 : 0);
        if (understood < words.size()) {
            listener.warning("of --mksquashfs-args only -comp and -Xcompression-level are taken");
        }
        return kind.map(name -> level.map(number -> name + ":" + number).orElse(name));
    }

    private static Optional<String> after(List<String> words, String word) {
        int at = words.indexOf(word);
        return at < 0 || at + 1 == words.size() ? Optional.empty() : Optional.of(words.get(at + 1));
    }

    private static Compression compressionOf(String name) {
        return switch (name) {
            case "zstd" -> Compression.ZSTD;
            case "gzip" -> Compression.GZIP;
            default -> throw new UsageException("compression '%s' is unknown: zstd and gzip are known".formatted(name));
        };
    }

    private static int level(String text) {
        if (!text.matches("[0-9]{1,2}")) {
            throw new UsageException("compression level '%s' is not a number".formatted(text));
        }
        return Integer.parseInt(text);
    }

    private BuildTime buildTime() {
        Optional<String> epoch = host.env("SOURCE_DATE_EPOCH").filter(text -> !text.isEmpty());
        if (epoch.isPresent()) {
            if (!epoch.orElseThrow().matches("[0-9]{1,11}")) {
                throw new UsageException(
                        "SOURCE_DATE_EPOCH=%s is not a number of seconds".formatted(epoch.orElseThrow()));
            }
            return new BuildTime.Fixed(Instant.ofEpochSecond(Long.parseLong(epoch.orElseThrow())));
        }
        return invocation.shared().flag("reproducible") ? new BuildTime.OfImage() : new BuildTime.Now();
    }
}
