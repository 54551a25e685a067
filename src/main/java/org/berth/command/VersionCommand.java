package org.berth.command;

import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.cli.Version;
import org.berth.host.Host;

/** {@code version}, and {@code --version}: one line, by the name that the program was called by. */
final class VersionCommand {
    private final Invocation invocation;
    private final Host host;

    VersionCommand(Invocation invocation, Host host) {
        this.invocation = invocation;
        this.host = host;
    }

    int run() {
        String name = host.facts().program();
        boolean compatible = name.equals("apptainer") || name.equals("singularity");
        String version = compatible ? Version.APPTAINER + "-berth." + Version.BERTH : Version.BERTH;
        boolean asOption = invocation.globalFlag("version");
        System.out.println(asOption ? (compatible ? "apptainer" : "berth") + " version " + version : version);
        return ExitStatus.SUCCESS;
    }
}
