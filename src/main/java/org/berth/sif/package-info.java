/** The Singularity image format: records, one reader, one writer. */
@NullMarked
package org.berth.sif;

import org.jspecify.annotations.NullMarked;
