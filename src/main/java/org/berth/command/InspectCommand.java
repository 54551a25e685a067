package org.berth.command;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.gather.ImageName;
import org.berth.host.Host;
import org.berth.resolve.ImageMetadata;
import org.berth.resolve.LocalImages;
import org.berth.sif.InspectMetadata;
import org.berth.sif.InspectSelection;
import org.berth.sif.InspectSelection.Part;

/** {@code inspect}: what an image says of itself. */
final class InspectCommand {
    private static final Map<Part, String> OPTIONS = new EnumMap<>(Map.of(
            Part.APPS, "list-apps",
            Part.DEFFILE, "deffile",
            Part.RUNSCRIPT, "runscript",
            Part.STARTSCRIPT, "startscript",
            Part.TEST, "test",
            Part.HELPFILE, "helpfile",
            Part.ENVIRONMENT, "environment",
            Part.LABELS, "labels"));

    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;

    InspectCommand(Invocation invocation, Host host, SiteConfig site) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
    }

    int run() {
        InspectMetadata metadata = metadata(invocation, host, site);
        InspectSelection selection =
                invocation.flag("all") ? InspectSelection.ALL : new InspectSelection(parts(), invocation.value("app"));
        boolean json = invocation.flag("json") || invocation.flag("all");
        System.out.print(json ? selection.json(metadata) : selection.text(metadata));
        return ExitStatus.SUCCESS;
    }

    static InspectMetadata metadata(Invocation invocation, Host host, SiteConfig site) {
        String name = invocation.operands().getFirst();
        return switch (ImageName.parse(name)) {
            case ImageName.LocalPath(String path) ->
                new ImageMetadata(host, new LocalImages(host, site)).of(host.path(path));
            case ImageName.Distant distant -> throw elsewhere(distant.uri());
        };
    }

    private static HostException elsewhere(String uri) {
        return new HostException("%s is no image file of this machine".formatted(uri))
                .hint("pull it first: berth pull " + uri);
    }

    private Set<Part> parts() {
        Set<Part> parts = EnumSet.noneOf(Part.class);
        OPTIONS.forEach((part, option) -> {
            if (invocation.flag(option)) {
                parts.add(part);
            }
        });
        return parts;
    }
}
