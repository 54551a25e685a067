/** The site's settings. */
@NullMarked
package org.berth.config;

import org.jspecify.annotations.NullMarked;
