/** Processes by a name that means the same to every process of every machine that sees it. */
@NullMarked
package org.berth.process;

import org.jspecify.annotations.NullMarked;
