package org.berth.image;

import java.nio.file.Path;

/** How an image's root file system reaches a container. */
public sealed interface RootfsSource {
    /** A squashfs in a file, through a FUSE server: a SIF's partition, or a whole file. */
    record Squashfs(Path file, long offset, long size, Path server) implements RootfsSource {}

    /** The same through the kernel's squashfs and a loop device; for root. */
    record KernelSquashfs(Path file, long offset, long size) implements RootfsSource {}

    /** A sandbox. */
    record Directory(Path root) implements RootfsSource {}

    /** An image unpacked for one launch only. */
    record Unpacked(Path root) implements RootfsSource {}
}
