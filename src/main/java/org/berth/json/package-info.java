/** JSON, read and written through Jackson. */
@NullMarked
package org.berth.json;

import org.jspecify.annotations.NullMarked;
