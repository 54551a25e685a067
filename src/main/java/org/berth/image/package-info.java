/** What an image is to a launch: its root file system and its configuration. */
@NullMarked
package org.berth.image;

import org.jspecify.annotations.NullMarked;
