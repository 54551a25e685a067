package org.berth.place;

/** What lies behind a file system. */
public enum Nature {
    /** A disk of this machine. */
    LOCAL("local"),
    MEMORY("memory"),
    /** Servers that were made for many machines at once, such as Lustre. */
    PARALLEL("parallel"),
    /** Any other server, and whatever is not known. */
    NETWORK("network");

    private final String word;

    Nature(String word) {
        this.word = word;
    }

    public String word() {
        return word;
    }
}
