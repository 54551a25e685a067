package org.berth.gather;

import java.net.URI;
import org.berth.cli.Invocation;
import org.berth.config.LibraryAddress;
import org.berth.config.SiteConfig;
import org.berth.error.UsageException;
import org.berth.registry.LibraryReference;

/** Which library is meant. */
final class LibraryAccess {
    private LibraryAccess() {}

    /** The host in the name, {@code --library}, or the site's; the first that is given. */
    static URI address(LibraryReference reference, Invocation invocation, SiteConfig site) {
        return reference
                .host()
                .map(name -> LibraryAddress.of((invocation.flag("no-https") ? "http://" : "https://") + name))
                .or(() -> invocation.shared().value("library").map(LibraryAddress::of))
                .or(site::library)
                .orElseThrow(() -> new UsageException(
                                "%s: no library is configured, as there is no public one".formatted(reference))
                        .hint("--library URL, APPTAINER_LIBRARY or the site's setting 'library' names one"));
    }
}
