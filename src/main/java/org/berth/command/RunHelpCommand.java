package org.berth.command;

import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.host.Host;
import org.berth.sif.InspectMetadata;

/** {@code run-help}: the help that the image's makers wrote. */
final class RunHelpCommand {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;

    RunHelpCommand(Invocation invocation, Host host, SiteConfig site) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
    }

    int run() {
        InspectMetadata metadata = InspectCommand.metadata(invocation, host, site);
        String help = invocation
                .value("app")
                .map(app -> metadata.apps()
                        .getOrDefault(app, InspectMetadata.Section.EMPTY)
                        .helpfile())
                .orElse(metadata.image().helpfile());
        System.out.println(help.isEmpty() ? "No help sections were defined for this image" : help);
        return ExitStatus.SUCCESS;
    }
}
