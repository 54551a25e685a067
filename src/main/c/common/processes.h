/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process is, for the launcher and for the Slurm plugin: nothing here ends a process.
 *
 * A number alone is nobody: it may be in use again. What is told by a directory of /proc is told of
 * the process that it was opened for, and of none once that one has ended.
 */
#ifndef BERTH_PROCESSES_H
#define BERTH_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* O_PATH descriptor of /proc/PID, or of /proc/self for 0; -1 with errno. */
int process_directory(pid_t pid);
/* In clock ticks since the machine's start; 0 if it has ended, a zombie too. */
uint64_t process_start_time(int directory);
/* Whether all four of its user ids are this one. */
bool process_is_of_user(int directory, uid_t uid);
/* Whether it is in all the control groups that we are in; so is everything where there are none. */
bool process_is_in_our_groups(int directory);

/* -1 with errno, also where the kernel has no pidfds (before Linux 5.3). */
int process_descriptor(pid_t pid);
/* Of a pidfd: unlike a number, no other process ever has it while the machine is up. 0 where the
 * kernel gives all processes one (before Linux 6.9). */
uint64_t process_identity(int pidfd);

#endif
