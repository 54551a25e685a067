/** One class per command (parse, call, print), the program that chooses among them, and its training. What ends a process is here. */
@NullMarked
package org.berth.command;

import org.jspecify.annotations.NullMarked;
