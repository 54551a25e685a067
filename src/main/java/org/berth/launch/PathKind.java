package org.berth.launch;

/** What a path of the host leads to, links followed. */
public enum PathKind {
    ABSENT,
    FILE,
    DIRECTORY
}
