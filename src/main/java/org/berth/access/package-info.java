/** How a user reaches registries: credentials and logins in files and helpers, and the site's registries.conf. */
@NullMarked
package org.berth.access;

import org.jspecify.annotations.NullMarked;
