/**
 * GPUs: which of the host's driver files and device nodes a container needs.
 *
 * <p>{@link org.berth.devices.GpuReader} looks at the machine, {@link org.berth.devices.GpuPlanner} decides from records;
 * docs/gpu.md says what for users.
 */
@NullMarked
package org.berth.devices;

import org.jspecify.annotations.NullMarked;
