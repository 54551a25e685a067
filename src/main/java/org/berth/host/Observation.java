package org.berth.host;

import java.nio.file.Path;
import java.util.Optional;

/** One look at the machine and what was seen: a remembered plan holds as long as all its observations do. */
public sealed interface Observation {
    /** An environment variable was asked for; {@code value} is empty if it was not set. */
    record Variable(String name, Optional<String> value) implements Observation {}

    /** All variables whose names begin so were asked for. */
    record Variables(String prefix) implements Observation {}

    /** A file was looked at or read; {@code identity} is empty if it was not there. */
    record File(Path path, Optional<FileIdentity> identity) implements Observation {}

    /** It was asked whether the caller may read and write a file; a device cgroup has a say in that. */
    record Access(Path path, boolean granted) implements Observation {}

    /** It was asked whether the caller may do one thing with a file that is there. */
    record Permission(Path path, Right right, boolean granted) implements Observation {}

    /** What access(2) tells apart. */
    enum Right {
        READ,
        WRITE,
        EXECUTE
    }

    /** It was asked whether a path is a symbolic link, and what it says; {@code target} is empty if it is none. */
    record Link(Path path, Optional<String> target) implements Observation {}

    /** All links on the way to a path were followed; {@code real} is the path itself where that was not possible. */
    record RealPath(Path path, Path real) implements Observation {}

    /** Something was done whose result may differ each time: a plan with this in it is not remembered. */
    record Unrepeatable(String what) implements Observation {}
}
