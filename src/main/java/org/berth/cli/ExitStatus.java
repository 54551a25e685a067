package org.berth.cli;

/** What a command ends with, as Apptainer's do (docs/cli.md, "Exit status"). */
public final class ExitStatus {
    public static final int SUCCESS = 0;
    public static final int USAGE = 1;
    public static final int FAILURE = 255;

    private ExitStatus() {}
}
