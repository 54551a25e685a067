/** The seam to the C launcher: facts in, plan and observations out. */
@NullMarked
package org.berth.launcher;

import org.jspecify.annotations.NullMarked;
