/**
 * Where things are kept on this machine: a role has candidates in order, each is looked at, the first fit one is taken.
 *
 * <p>{@link org.berth.place.Candidates} and {@link org.berth.place.Fitness} decide, {@link org.berth.place.Probe} looks.
 */
@NullMarked
package org.berth.place;

import org.jspecify.annotations.NullMarked;
