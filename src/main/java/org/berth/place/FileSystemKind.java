package org.berth.place;

import java.util.Set;

/**
 * What kind of file system a path is on.
 *
 * @param type as mountinfo names it: {@code ext4}, {@code fuse.sshfs}
 */
public record FileSystemKind(String type, Nature nature) {
    private static final Set<String> LOCAL = Set.of(
            "ext2",
            "ext3",
            "ext4",
            "xfs",
            "btrfs",
            "zfs",
            "f2fs",
            "bcachefs",
            "jfs",
            "nilfs2",
            "reiserfs",
            "exfat",
            "vfat",
            "fuseblk");
    private static final Set<String> MEMORY = Set.of("tmpfs", "ramfs", "devtmpfs");
    private static final Set<String> PARALLEL = Set.of(
            "lustre",
            "gpfs",
            "beegfs",
            "fhgfs",
            "wekafs",
            "panfs",
            "ceph",
            "fuse.ceph",
            "fuse.ceph-fuse",
            "pvfs2",
            "fuse.dfuse",
            "fuse.juicefs");

    /** By the type's name; what is not known counts as a server. An overlay is judged by {@link MountTable}. */
    static FileSystemKind of(String type) {
        Nature nature = LOCAL.contains(type)
                ? Nature.LOCAL
                : MEMORY.contains(type) ? Nature.MEMORY : PARALLEL.contains(type) ? Nature.PARALLEL : Nature.NETWORK;
        return new FileSystemKind(type, nature);
    }

    /** {@code nfs4 (network)}. */
    public String text() {
        return "%s (%s)".formatted(type, nature.word());
    }
}
