package org.berth.place;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** What is to be kept somewhere, and what the place must be like. */
public enum Role {
    /** Layers and documents of OCI images. */
    BLOBS(
            Owner.USER,
            EnumSet.of(Nature.LOCAL, Nature.PARALLEL, Nature.NETWORK),
            EnumSet.of(Need.RENAME),
            1L << 30,
            1000),
    /** Finished images, a file each. */
    IMAGES(
            Owner.USER,
            EnumSet.of(Nature.LOCAL, Nature.PARALLEL, Nature.NETWORK),
            EnumSet.of(Need.RENAME),
            1L << 30,
            1000),
    /** What is gone at the end of a command, unpacked images among it: many small files. */
    TMP(
            Owner.ANYBODY,
            EnumSet.of(Nature.LOCAL, Nature.MEMORY),
            EnumSet.of(Need.RENAME, Need.EXECUTION),
            1L << 30,
            10_000),
    /** The upper directory of an overlay, which the kernel takes only with extended attributes. */
    UPPER(
            Owner.ANYBODY,
            EnumSet.of(Nature.LOCAL, Nature.MEMORY),
            EnumSet.of(Need.RENAME, Need.EXECUTION, Need.ATTRIBUTES),
            64L << 20,
            1000),
    /** Sockets and small files of running containers. */
    RUN(Owner.USER, EnumSet.of(Nature.LOCAL, Nature.MEMORY), EnumSet.of(Need.RENAME, Need.LOCKS), 1L << 20, 100),
    /** Copies of images from a shared file system on this node. */
    STAGE(Owner.ANYBODY, EnumSet.of(Nature.LOCAL, Nature.MEMORY), EnumSet.of(Need.RENAME), 1L << 20, 100);

    /** Whose directory it has to be. */
    enum Owner {
        USER,
        /** Where others write too, the sticky bit keeps them off. */
        ANYBODY
    }

    /** What is tried out. */
    enum Need {
        RENAME,
        LOCKS,
        EXECUTION,
        ATTRIBUTES
    }

    private final Owner owner;
    private final Set<Nature> natures;
    private final Set<Need> needs;
    private final long leastBytes;
    private final long leastFiles;

    Role(Owner owner, Set<Nature> natures, Set<Need> needs, long leastBytes, long leastFiles) {
        this.owner = owner;
        this.natures = natures;
        this.needs = needs;
        this.leastBytes = leastBytes;
        this.leastFiles = leastFiles;
    }

    /** As the command line spells it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static Optional<Role> of(String word) {
        return Stream.of(values()).filter(role -> role.word().equals(word)).findFirst();
    }

    Owner owner() {
        return owner;
    }

    boolean takes(Nature nature) {
        return natures.contains(nature);
    }

    boolean needs(Need need) {
        return needs.contains(need);
    }

    long leastBytes() {
        return leastBytes;
    }

    long leastFiles() {
        return leastFiles;
    }
}
