/** Layers to one squashfs, in one pass and without a temporary tree. */
@NullMarked
package org.berth.convert;

import org.jspecify.annotations.NullMarked;
