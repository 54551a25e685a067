/** The squashfs 4.0 format: records, one writer, one reader. */
@NullMarked
package org.berth.squashfs;

import org.jspecify.annotations.NullMarked;
