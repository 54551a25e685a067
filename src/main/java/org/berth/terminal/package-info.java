/** What a person sees and types: messages, progress, questions. */
@NullMarked
package org.berth.terminal;

import org.jspecify.annotations.NullMarked;
