package org.berth.cli;

import org.berth.config.SiteConfig;
import org.berth.host.Host;

final class RunHelpCommand {
    RunHelpCommand(Invocation invocation, Host host, SiteConfig site) {}

    int run() {
        return 0;
    }
}
