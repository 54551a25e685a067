package org.berth.launch;

import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.berth.config.SiteConfig;

/** The paths of the host that planning asks about: whoever gathers looks at them beforehand, for planning looks at nothing. */
public final class LookedAt {
    private LookedAt() {}

    /** @param cwd the working directory with all links resolved */
    public static Set<Path> paths(LaunchRequest request, SiteConfig site, Path cwd) {
        Set<Path> paths = new TreeSet<>();
        paths.add(cwd);
        paths.add(IdentityFiles.RESOLV_CONF);
        request.mounts().home().source().ifPresent(paths::add);
        Stream.concat(
                        site.binds().stream().map(SiteConfig.SiteBind::source),
                        request.mounts().binds().stream().map(LaunchRequest.BindRequest::source))
                .forEach(paths::add);
        return paths;
    }
}
