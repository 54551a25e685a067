/** The client of the OCI distribution specification, on the JDK's HttpClient. */
@NullMarked
package org.berth.registry;

import org.jspecify.annotations.NullMarked;
