package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.host.Facts;
import org.berth.launch.LaunchRequest.Identity;
import org.berth.launch.LaunchRequest.Root;
import org.berth.launch.Op.OnMissing;

/** The files that say who and where one is: passwd, group, resolv.conf, hostname. */
final class IdentityFiles {
    static final Path RESOLV_CONF = Path.of("/etc/resolv.conf");
    private static final Path HOSTNAME = Path.of("/etc/hostname");
    private static final Path PASSWD = Path.of("/etc/passwd");
    private static final Path GROUP = Path.of("/etc/group");

    private IdentityFiles() {}

    static List<MountStep> of(LaunchRequest request, LaunchHost host, SiteConfig site) {
        List<MountStep> steps = new ArrayList<>();
        boolean rootInWritableImage = rootInWritableImage(request, host);
        if (site.configPasswd() && !rootInWritableImage) {
            steps.add(new MountStep(PASSWD, false, List.of(new Op.Passwd(passwdLine(request, host.facts())))));
        }
        if (site.configGroup() && !rootInWritableImage && request.isolation().identity() == Identity.OWN) {
            steps.add(new MountStep(GROUP, false, List.of(new Op.Group(groupLines(host.facts())))));
        }
        if (site.configResolvConf()) {
            resolvConf(request, host, steps);
        }
        request.isolation()
                .hostname()
                .ifPresent(name -> steps.add(MountStep.file(
                        HOSTNAME,
                        new Op.SessionFile("hostname", 0644, name + "\n"),
                        new Op.BindSession("hostname", HOSTNAME, MountOptions.SAFE, OnMissing.WARN, "hostname"))));
        return steps;
    }

    /** Package managers replace these files, which no mount point lets them. */
    private static boolean rootInWritableImage(LaunchRequest request, LaunchHost host) {
        boolean remapped = request.isolation().identity() == Identity.ROOT;
        boolean writable = request.writes().layer().isPresent()
                || request.writes().root() == Root.WRITABLE
                || remapped && request.writes().root() == Root.TMPFS;
        return writable && (host.facts().root() || remapped);
    }

    private static void resolvConf(LaunchRequest request, LaunchHost host, List<MountStep> steps) {
        if (!request.mounts().dns().isEmpty()) {
            StringBuilder text = new StringBuilder();
            request.mounts()
                    .dns()
                    .forEach(server -> text.append("nameserver ").append(server).append('\n'));
            steps.add(MountStep.file(
                    RESOLV_CONF,
                    new Op.SessionFile("resolv.conf", 0644, text.toString()),
                    new Op.BindSession("resolv.conf", RESOLV_CONF, MountOptions.SAFE, OnMissing.WARN, "resolv.conf")));
        } else if (host.kind(RESOLV_CONF) == PathKind.FILE) {
            steps.add(MountStep.file(
                    RESOLV_CONF,
                    new Op.Bind(RESOLV_CONF, RESOLV_CONF, MountOptions.SAFE, OnMissing.WARN, "resolv.conf")));
        }
    }

    private static String passwdLine(LaunchRequest request, Facts facts) {
        Facts.Account account = facts.account();
        boolean remapped = request.isolation().identity() == Identity.ROOT;
        return String.join(
                ":",
                remapped ? "root" : account.name(),
                "x",
                Integer.toUnsignedString(remapped ? 0 : facts.uid()),
                Integer.toUnsignedString(remapped ? 0 : facts.gid()),
                account.gecos(),
                request.mounts().home().target().toString(),
                account.shell());
    }

    private static List<String> groupLines(Facts facts) {
        return facts.groups().stream()
                .filter(facts.groupNames()::containsKey)
                .map(gid -> "%s:x:%s:%s"
                        .formatted(
                                facts.groupNames().get(gid),
                                Integer.toUnsignedString(gid),
                                facts.account().name()))
                .toList();
    }
}
