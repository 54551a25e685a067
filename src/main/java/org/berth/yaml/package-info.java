/** The one reader of YAML: berth.yaml and the list of logins; the one place for its library. */
@NullMarked
package org.berth.yaml;

import org.jspecify.annotations.NullMarked;
