/** The exception family, open to all packages. */
@NullMarked
package org.berth.error;

import org.jspecify.annotations.NullMarked;
