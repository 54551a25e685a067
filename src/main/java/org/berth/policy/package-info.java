/** What a site lets its users run: kinds, owners and places of images, and who must have signed them. */
@NullMarked
package org.berth.policy;

import org.jspecify.annotations.NullMarked;
