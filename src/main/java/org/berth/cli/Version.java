package org.berth.cli;

/** The program's version, and the one of Apptainer whose behaviour it has. */
public final class Version {
    public static final String BERTH = "0.1.0";

    /** What scripts that ask {@code apptainer --version} compare. */
    public static final String APPTAINER = "1.5.0";

    /** How it introduces itself to registries and other servers. */
    public static final String USER_AGENT = "berth/" + BERTH;

    private Version() {}
}
