/** The one door to the machine: every look that a launch depends on goes through {@link org.berth.host.Host} and is recorded. */
@NullMarked
package org.berth.host;

import org.jspecify.annotations.NullMarked;
