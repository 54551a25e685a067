package org.berth.cli;

import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Optional;
import org.berth.config.SiteConfig;
import org.berth.convert.Compression;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.oci.Descriptor;
import org.berth.oci.Platform;
import org.berth.oci.Platforms;
import org.berth.registry.RegistryClient;
import org.berth.registry.RegistrySettings.Transport;
import org.berth.resolve.ArtifactPuller;
import org.berth.resolve.BuildTime;
import org.berth.resolve.PullEvents;
import org.berth.resolve.PullSettings;
import org.berth.resolve.Puller;

/** What a command line and the environment say about pulling: directories, credentials, compression, platform, progress. */
final class Pulling {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Messages messages;

    Pulling(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.messages = messages;
    }

    /**
     * A client; to be closed.
     *
     * @param otherwise the transport without {@code --no-https}
     */
    RegistryClient client(Transport otherwise) {
        return new RegistryAccess(invocation, host, messages).client(otherwise);
    }

    Puller puller(RegistryClient client) {
        return new Puller(client, settings(), events(messages, host));
    }

    ArtifactPuller artifactPuller(RegistryClient client) {
        return new ArtifactPuller(client, settings(), events(messages, host));
    }

    static PullEvents events(Messages messages, Host host) {
        return new ShownEvents(messages, host.facts().standardErrorIsTerminal());
    }

    /** The platform of {@code --arch}, or of this machine. */
    Platform platform() {
        Optional<String> arch = invocation.value("arch");
        Optional<String> variant = invocation.value("arch-variant");
        Platform own = Platforms.ofMachine(host.facts().machine())
                .orElseThrow(() -> new HostException("there are no container images for this machine (%s)"
                        .formatted(host.facts().machine())));
        if (arch.isEmpty() && variant.isEmpty()) {
            return own;
        }
        return Platforms.parse(arch.orElse(own.architecture()), variant.orElse(""));
    }

    /** Where what is gone at the end is kept: {@code APPTAINER_TMPDIR}, {@code TMPDIR}, {@code /tmp}. */
    static Path temporaryDirectory(Invocation invocation, Host host) {
        Optional<String> asked = invocation.value("tmpdir");
        Path path = host.path(
                asked.or(() -> host.env("TMPDIR").filter(t -> !t.isEmpty())).orElse("/tmp"));
        if (!host.isDirectory(path)) {
            throw new HostException("the directory for temporary files, %s, does not exist".formatted(path))
                    .hint("make it, or let %s name another"
                            .formatted(asked.isPresent() ? "APPTAINER_TMPDIR" : "TMPDIR"));
        }
        return path;
    }

    /** The directory that holds {@code cache/}. */
    static Path cacheDirectory(Host host) {
        for (String prefix : OptionEnvironment.PREFIXES) {
            Optional<String> value = host.env(prefix + "CACHEDIR").filter(text -> !text.isEmpty());
            if (value.isPresent()) {
                return host.path(value.orElseThrow());
            }
        }
        return RegistryAccess.configurationDirectory(host);
    }

    private PullSettings settings() {
        String compression = invocation.value("compression").orElse(site.compression());
        int colon = compression.indexOf(':');
        Compression kind = compressionOf(colon < 0 ? compression : compression.substring(0, colon));
        return new PullSettings(
                invocation.flag("disable-cache") ? Optional.empty() : Optional.of(cacheDirectory(host)),
                temporaryDirectory(invocation, host),
                kind,
                colon < 0 ? kind.defaultLevel() : level(compression.substring(colon + 1)),
                buildTime(),
                buildTime().reproducible() ? ZoneOffset.UTC : ZoneId.systemDefault(),
                Runtime.getRuntime().availableProcessors(),
                host.facts().umask(),
                Version.APPTAINER);
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
        return invocation.flag("reproducible") ? new BuildTime.OfImage() : new BuildTime.Now();
    }

    /** Events as messages, and progress on a terminal. */
    private record ShownEvents(Messages messages, boolean terminal) implements PullEvents {
        @Override
        public void info(String text) {
            messages.info(text);
        }

        @Override
        public void warning(String text) {
            messages.warning(text);
        }

        @Override
        public ShownProgress progress() {
            return terminal && messages.level() >= Messages.NORMAL ? new ProgressDisplay(System.err) : new NoProgress();
        }
    }

    private static final class NoProgress implements PullEvents.ShownProgress {
        @Override
        public void start(Descriptor blob) {}

        @Override
        public void bytes(Descriptor blob, long count) {}

        @Override
        public void done(Descriptor blob) {}

        @Override
        public void close() {}
    }
}
