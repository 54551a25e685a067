package org.berth.devices;

import java.nio.file.Path;

/** A file or directory of the host, and where it is shown in a container. */
public record HostFile(Kind kind, Path source, Path target) {
    /** What it is for. */
    public enum Kind {
        PROGRAM,
        CONFIGURATION,
        SOCKET,
        /** A directory of sockets. */
        PIPES
    }
}
