/** From what the user typed to an image that can run. */
@NullMarked
package org.berth.resolve;

import org.jspecify.annotations.NullMarked;
