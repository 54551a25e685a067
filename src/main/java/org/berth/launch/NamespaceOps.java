package org.berth.launch;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.berth.launch.LaunchRequest.Identity;
import org.berth.launch.LaunchRequest.Namespaces;

/**
 * The namespaces of a container; without privileges all of them belong to a new user namespace that maps the caller alone.
 *
 * <p>Who writes into a layer is root where it is mounted: the FUSE servers of distributions show an image's files as root's,
 * and only root's files can be changed then. A second user namespace gives the tasks their own ids again.
 */
final class NamespaceOps {
    private NamespaceOps() {}

    static List<Op> of(LaunchRequest request, LaunchHost host) {
        Set<Op.Namespace> namespaces = EnumSet.of(Op.Namespace.MOUNT);
        for (Namespaces wanted : request.isolation().namespaces()) {
            namespaces.add(
                    switch (wanted) {
                        case PID -> Op.Namespace.PID;
                        case IPC -> Op.Namespace.IPC;
                        case UTS -> Op.Namespace.UTS;
                        case NET -> Op.Namespace.NET;
                    });
        }
        List<Op> ops = new ArrayList<>();
        if (host.facts().root()) {
            ops.add(new Op.Unshare(namespaces));
        } else {
            namespaces.add(Op.Namespace.USER);
            ops.add(new Op.Unshare(namespaces));
            boolean mapped = request.ownsImage() || request.isolation().identity() == Identity.ROOT;
            ops.add(new Op.MapIds(
                    single(mapped ? 0 : host.facts().uid(), host.facts().uid()),
                    single(mapped ? 0 : host.facts().gid(), host.facts().gid())));
        }
        if (request.wants(Namespaces.NET)) {
            ops.add(new Op.Loopback());
        }
        request.isolation().hostname().ifPresent(name -> ops.add(new Op.Hostname(name)));
        if (request.wants(Namespaces.PID)) {
            ops.add(request.process().init() ? new Op.Init() : new Op.Fork());
        }
        return ops;
    }

    /** When all is mounted. */
    static List<Op> identity(LaunchRequest request, LaunchHost host) {
        return host.facts().root()
                        || !request.ownsImage()
                        || request.isolation().identity() == Identity.ROOT
                ? List.of()
                : List.of(new Op.Identity(
                        single(host.facts().uid(), 0), single(host.facts().gid(), 0)));
    }

    private static String single(int inside, int outside) {
        return "%s %s 1".formatted(Integer.toUnsignedString(inside), Integer.toUnsignedString(outside));
    }
}
