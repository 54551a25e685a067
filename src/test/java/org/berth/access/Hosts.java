package org.berth.access;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.berth.host.Facts;
import org.berth.host.Host;

/** Hosts with a home of their own. */
final class Hosts {
    private Hosts() {}

    static Host at(Path home, Map<String, String> environment) {
        return new Host(new Facts(
                List.of("berth"),
                environment,
                1000,
                1000,
                List.of(1000),
                new Facts.Account("alice", "", home.toString(), "/bin/sh"),
                Map.of(),
                home,
                true,
                022,
                false,
                false,
                Path.of("/nowhere"),
                "node",
                "x86_64"));
    }
}
