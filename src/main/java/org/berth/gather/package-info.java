/** From a command line and a machine to the values that planning takes: requests, images, places. Prints nothing: it tells a {@link org.berth.gather.Listener}. */
@NullMarked
package org.berth.gather;

import org.jspecify.annotations.NullMarked;
