/** The records of the OCI image specification and of image references; one reader and one writer each. */
@NullMarked
package org.berth.oci;

import org.jspecify.annotations.NullMarked;
