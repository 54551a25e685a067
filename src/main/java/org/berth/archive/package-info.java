/**
 * Images outside registries: OCI layouts in directories and archives, what {@code docker save} writes, a Docker daemon.
 *
 * <p>Nothing is unpacked: an archive is indexed once, and its members are read where they lie.
 */
@NullMarked
package org.berth.archive;

import org.jspecify.annotations.NullMarked;
