package org.berth.image;

/**
 * An image that is ready to be mounted.
 *
 * @param container what {@code APPTAINER_CONTAINER} says: the absolute path, or nothing for a temporary one
 * @param name what {@code APPTAINER_NAME} says: the file's name, or the URI
 */
public record RunnableImage(RootfsSource rootfs, String container, String name) {}
