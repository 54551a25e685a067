/** The C library: what {@code java.nio.file} has no words for, through JNA. Loaded by commands that need it, none of them a launch of a local image. */
@NullMarked
package org.berth.libc;

import org.jspecify.annotations.NullMarked;
