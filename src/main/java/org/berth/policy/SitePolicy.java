package org.berth.policy;

import java.nio.file.Path;
import java.util.function.Supplier;
import org.berth.config.ContainerLimits;
import org.berth.config.ExecutionControl;
import org.berth.config.SiteConfig;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.resolve.LocalImages;
import org.berth.sign.PgpPublicKeys;

/**
 * Whether the site lets its users run an image; asked once before each launch, of the file or directory that will be mounted.
 *
 * <p>A guide for users and no lock: whoever may make user namespaces may run images without this program.
 */
public final class SitePolicy {
    private final Host host;
    private final SiteConfig site;
    private final Supplier<PgpPublicKeys> siteKeys;

    /** @param siteKeys the public keys that the site trusts; asked only where signatures are needed */
    public SitePolicy(Host host, SiteConfig site, Supplier<PgpPublicKeys> siteKeys) {
        this.host = host;
        this.site = site;
        this.siteKeys = siteKeys;
    }

    /** Whether any image may be run. */
    public boolean isOpen() {
        return site.containerLimits().isEmpty() && site.executionControls().isEmpty();
    }

    /**
     * @param kind of the file or directory that will be mounted: its signatures count
     * @param path of the image as the user named it, of which that may be a copy: its owner and its directory count
     * @throws ImageException with the rule that refuses it, and what to do
     */
    public void requireAllowed(LocalImages.Kind kind, Path path, Provenance provenance) {
        if (!host.administrator()) {
            for (ContainerLimits limits : site.containerLimits()) {
                new LimitCheck(host, limits, path, provenance).require(kind);
            }
        }
        if (kind instanceof LocalImages.Kind.Sif(var file)) {
            for (ExecutionControl control : site.executionControls()) {
                new SignatureCheck(host, control, siteKeys, path, provenance).require(file);
            }
        }
    }

    /** The image in the user's words. */
    static String named(Path path, Provenance provenance) {
        return switch (provenance) {
            case Provenance.Named() -> path.toString();
            case Provenance.Converted(String uri) -> uri;
            case Provenance.Fetched(String uri) -> uri;
        };
    }
}
