/**
 * Containers that are kept under a name: what is recorded of them, and the one store.
 *
 * <p>Layout, in a directory of the user's own (mode 0700) below the site's {@code container-path}:
 *
 * <pre>
 * berth-UID/NAME/container.json   what it was made from ({@link org.berth.instance.KeptContainer})
 *                upper/           what was changed in the image: the upper directory of an overlay
 *                work/            overlay's own, on the same file system
 *                lock             who is in it, see {@link org.berth.instance.Occupants}
 * berth-UID/job-ID/NAME/…         the same for containers that end with a Slurm job
 * </pre>
 *
 * <p>{@code upper} is written by an overlay that an ordinary user mounted with {@code userxattr}, in a user namespace that
 * maps the user to root: all its files belong to the user and stand for root's. A removed path of the image is a character
 * device 0:0; a directory that hides the image's has the attribute {@code user.overlay.opaque} = {@code y}; there are neither
 * redirects nor files of metadata only, and the other {@code user.overlay.*} attributes mean nothing. Of root's own
 * containers the attributes are {@code trusted.overlay.*}. The root of the container is {@code upper} over the image's root.
 */
@NullMarked
package org.berth.instance;

import org.jspecify.annotations.NullMarked;
