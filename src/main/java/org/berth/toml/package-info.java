/** The one reader of TOML: registries.conf, ecl.toml. */
@NullMarked
package org.berth.toml;

import org.jspecify.annotations.NullMarked;
