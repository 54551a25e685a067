/** Blobs and finished images by digest, safe under concurrent use. */
@NullMarked
package org.berth.cache;

import org.jspecify.annotations.NullMarked;
