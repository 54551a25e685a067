package org.berth.launch;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.berth.launch.LaunchRequest.Namespaces;

/** The namespaces of a container; without privileges all of them belong to a new user namespace that maps the caller alone. */
final class NamespaceOps {
    private NamespaceOps() {}

    static List<Op> of(LaunchRequest request, LaunchHost host) {
        Set<Op.Namespace> namespaces = EnumSet.of(Op.Namespace.MOUNT);
        for (Namespaces wanted : request.namespaces()) {
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
            ops.add(new Op.MapIds(
                    single(host.facts().uid()), single(host.facts().gid())));
        }
        if (request.wants(Namespaces.NET)) {
            ops.add(new Op.Loopback());
        }
        request.hostname().ifPresent(name -> ops.add(new Op.Hostname(name)));
        if (request.wants(Namespaces.PID)) {
            ops.add(request.init() ? new Op.Init() : new Op.Fork());
        }
        return ops;
    }

    private static String single(int id) {
        String text = Integer.toUnsignedString(id);
        return "%s %s 1".formatted(text, text);
    }
}
