/** Commands: parse, print, wire. The only place for picocli and Quarkus, and for exit statuses. */
@NullMarked
package org.berth.cli;

import org.jspecify.annotations.NullMarked;
