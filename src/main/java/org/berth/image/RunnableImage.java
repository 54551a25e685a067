package org.berth.image;

/**
 * An image that is ready to be mounted.
 *
 * @param container what {@code APPTAINER_CONTAINER} says: the absolute path, or nothing for a temporary one
 * @param name what {@code APPTAINER_NAME} says: the file's name, or the URI
 * @param removedWhenMounted the file is a temporary one
 */
public record RunnableImage(RootfsSource rootfs, String container, String name, boolean removedWhenMounted) {
    public RunnableImage(RootfsSource rootfs, String container, String name) {
        this(rootfs, container, name, false);
    }

    /** The same image, whose file is removed as soon as it is mounted. */
    public RunnableImage asTemporary() {
        return new RunnableImage(rootfs, container, name, true);
    }
}
