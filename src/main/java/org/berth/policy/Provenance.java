package org.berth.policy;

/** How an image came to the path that it is at. */
public sealed interface Provenance {
    /** The user named the path. */
    record Named() implements Provenance {}

    /** It was made here from what the user named, so nobody has signed it. */
    record Converted(String uri) implements Provenance {}

    /** It is a copy of the file that the user named, with the signatures that it has there. */
    record Fetched(String uri) implements Provenance {}
}
