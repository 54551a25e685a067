/* SPDX-License-Identifier: Apache-2.0 */
/* Two ranks of a node: the first publishes where a word of its memory is, in /dev/shm, the second
 * reads it there with process_vm_readv, as the shared-memory transports of MPI do. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static char word[] = "from the neighbour's memory";

static int publish(const char *place, const char *done)
{
	char temporary[256];
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.new", place);
	file = fopen(temporary, "w");
	if (!file || fprintf(file, "%d %p", (int)getpid(), (void *)word) < 0 || fclose(file) ||
	    rename(temporary, place))
		return 1;
	while (access(done, F_OK))
		usleep(1000);
	return unlink(place) || unlink(done);
}

static int look(const char *place, const char *done)
{
	char copy[sizeof(word)] = "";
	struct iovec ours = {copy, sizeof(copy)}, theirs = {NULL, sizeof(copy)};
	FILE *file;
	int pid = 0;

	while (access(place, F_OK))
		usleep(1000);
	file = fopen(place, "r");
	if (!file || fscanf(file, "%d %p", &pid, &theirs.iov_base) != 2)
		return 1;
	if (process_vm_readv(pid, &ours, 1, &theirs, 1, 0) < 0)
		perror("process_vm_readv");
	puts(copy);
	file = fopen(done, "w");
	return !file;
}

int main(void)
{
	const char *job = getenv("SLURM_JOB_ID");
	const char *rank = getenv("SLURM_LOCALID");
	char place[128], done[128];

	if (!job || !rank)
		return 1;
	snprintf(place, sizeof(place), "/dev/shm/peer.%s", job);
	snprintf(done, sizeof(done), "/dev/shm/peer.%s.done", job);
	return strcmp(rank, "0") ? look(place, done) : publish(place, done);
}
