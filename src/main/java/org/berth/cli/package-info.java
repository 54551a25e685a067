/** The words of a command line: options in one table, their parser, values, help, suggestions, completion. The only place for picocli. */
@NullMarked
package org.berth.cli;

import org.jspecify.annotations.NullMarked;
