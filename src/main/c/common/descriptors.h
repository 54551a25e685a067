/* SPDX-License-Identifier: Apache-2.0 */
/* Open files, for the launcher and for the Slurm plugin: nothing here ends a process. */
#ifndef BERTH_DESCRIPTORS_H
#define BERTH_DESCRIPTORS_H

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Keeps errno. */
void close_descriptor(const int *fd);
#define scoped_fd __attribute__((cleanup(close_descriptor))) int

/* Closes all descriptors from that number on, whatever the limit on their number is or was. Safe
 * between fork and exec. -1 with errno if some may be open still. */
__attribute__((warn_unused_result)) int close_from(int first);

#endif
