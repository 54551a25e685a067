/** What is done with files and directories of any kind: made whole, removed in bounded memory, failures in words. */
@NullMarked
package org.berth.files;

import org.jspecify.annotations.NullMarked;
