package org.berth.image;

import java.util.Optional;

/**
 * An image that is ready to be mounted.
 *
 * @param container what {@code APPTAINER_CONTAINER} says: the absolute path, or nothing for a temporary one
 * @param name what {@code APPTAINER_NAME} says: the file's name, or the URI
 * @param removedWhenMounted the file is a temporary one
 * @param identity {@code DEVICE:INODE:CTIME} of the one state of the one file that may be mounted; empty where it was not judged
 */
public record RunnableImage(
        RootfsSource rootfs, String container, String name, boolean removedWhenMounted, Optional<String> identity) {
    public RunnableImage(RootfsSource rootfs, String container, String name) {
        this(rootfs, container, name, false, Optional.empty());
    }

    /** The same image, whose file is removed as soon as it is mounted. */
    public RunnableImage asTemporary() {
        return new RunnableImage(rootfs, container, name, true, identity);
    }

    /** The same image, which has to be that file as it was when it is mounted. */
    public RunnableImage with(String same) {
        return new RunnableImage(rootfs, container, name, removedWhenMounted, Optional.of(same));
    }

    /** The same image by the name that the user has called it by, where that is not its file's. */
    public RunnableImage called(String other) {
        return new RunnableImage(rootfs, container, other, removedWhenMounted, identity);
    }

    /** The same image at the path that the user knows, whatever file is mounted. */
    public RunnableImage shownAs(String path) {
        return new RunnableImage(rootfs, path, name, removedWhenMounted, identity);
    }
}
