package org.berth.command;

import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.gather.Places;
import org.berth.host.Host;
import org.berth.instance.ContainerName;
import org.berth.instance.KeptContainer;
import org.berth.instance.KeptContainers;
import org.berth.instance.Occupants;
import org.berth.terminal.Messages;

/** {@code container list} and {@code container remove}: the named containers that Slurm steps left on this machine. */
final class ContainerCommand {
    private static final String FORMAT = "%-24s %-10s %-8s %-17s %s";
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm");

    private final Invocation invocation;
    private final Host host;
    private final Messages messages;
    private final KeptContainers containers;

    ContainerCommand(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
        this.containers = new KeptContainers(site.containers(), Places.owners(host, site));
    }

    int run() {
        return invocation.command().shortName().equals("list") ? list() : remove();
    }

    private int list() {
        System.out.println(FORMAT.formatted("NAME", "JOB", "STATE", "CREATED", "IMAGE"));
        for (KeptContainer container : containers.list()) {
            System.out.println(FORMAT.formatted(
                    container.name(),
                    container.job().orElse("-"),
                    Occupants.living(container).isPresent() ? "running" : "idle",
                    TIME.format(container.created().atZone(ZoneId.systemDefault())),
                    container.image().reference()));
        }
        return ExitStatus.SUCCESS;
    }

    private int remove() {
        Optional<String> job = invocation.value("job");
        if (invocation.flag("all") == !invocation.operands().isEmpty() && (invocation.flag("all") || job.isEmpty())) {
            throw new UsageException("container remove takes names, or --all, or --job");
        }
        containers.removeLeftovers();
        if (invocation.flag("all")) {
            containers.jobs().forEach(containers::removeJob);
            return removed(containers.list());
        }
        if (invocation.operands().isEmpty()) {
            String id =
                    new ContainerName("x", ContainerName.Mode.AUTO, job).job().orElseThrow();
            containers.removeJob(id);
            return removed(containers.list().stream()
                    .filter(container -> container.job().equals(job))
                    .toList());
        }
        List<KeptContainer> named = new ArrayList<>();
        for (String text : invocation.operands()) {
            named.add(containers
                    .find(new ContainerName(text, ContainerName.Mode.AUTO, job))
                    .orElseThrow(() -> new HostException("container %s does not exist on this machine".formatted(text))
                            .hint("'berth container list' lists them")));
        }
        return removed(named);
    }

    private int removed(List<KeptContainer> which) {
        List<KeptContainer> used = which.stream()
                .filter(container -> !containers.remove(container))
                .toList();
        used.forEach(container -> messages.error(new HostException("container %s is in use".formatted(container.name()))
                .hint("it is not removed: end the steps in it first")));
        return used.isEmpty() ? ExitStatus.SUCCESS : ExitStatus.FAILURE;
    }
}
