/** The decisions about a launch: pure functions from records to a plan. */
@NullMarked
package org.berth.launch;

import org.jspecify.annotations.NullMarked;
