package org.berth.cli;

import org.berth.host.Host;

/** The program's version, and the one of Apptainer whose behaviour it has. */
final class Version {
    static final String BERTH = "0.1.0";

    /** What scripts that ask {@code apptainer --version} compare. */
    static final String APPTAINER = "1.5.0";

    private Version() {}

    static int print(Invocation invocation, Host host) {
        String name = host.facts().program();
        boolean compatible = name.equals("apptainer") || name.equals("singularity");
        String version = compatible ? APPTAINER + "-berth." + BERTH : BERTH;
        boolean asOption = invocation.globalFlag("version");
        System.out.println(asOption ? (compatible ? "apptainer" : "berth") + " version " + version : version);
        return Program.SUCCESS;
    }
}
