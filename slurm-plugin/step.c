/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container per step and node. The first task that comes makes it, under a lock on which the
 * others wait; then each enters it by itself. What only one task owns stays that task's.
 */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int fail(const struct step *step, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	dprintf(STDERR_FILENO, "berth: %s: %s\n", step->node, text);
	return -1;
}

/* ---- in slurmstepd, before the tasks ---- */

static int init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;

	errno = pthread_mutexattr_init(&attributes);
	if (!errno)
		errno = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (!errno)
		errno = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (!errno)
		errno = pthread_mutex_init(mutex, &attributes);
	return errno ? -1 : 0;
}

int step_prepare(struct step *step)
{
	step->shared = mmap(NULL, sizeof(*step->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (step->shared == MAP_FAILED) {
		step->shared = NULL;
		return -1;
	}
	step->message = memfd_create("berth-message", MFD_CLOEXEC);
	if (step->message < 0 || pipe2(step->release, O_CLOEXEC) < 0)
		return -1;
	return init_mutex(&step->shared->mutex);
}

/* ---- in a task ---- */

/* For all tasks of the node: the words in step->message, the processes in shared memory. */
static int keep_message(struct step *step, char *bytes, size_t length)
{
	struct shared *shared = step->shared;
	struct message message;
	const char *fault = message_read(&message, bytes, length);

	words_free(&message.variables);
	if (fault)
		return fail(step, "%s %s", step->config->berth, fault);
	for (size_t i = 0; i < message.process_count; i++)
		if (process_note(&shared->processes[i], message.processes[i], step->uid) < 0)
			return fail(step, "%s names process %d, which is not of this step: %m",
				    step->config->berth, (int)message.processes[i]);
	shared->process_count = message.process_count;
	for (size_t done = 0; done < length;) {
		ssize_t written = pwrite(step->message, bytes + done, length - done, (off_t)done);

		if (written <= 0)
			return fail(step, "keep what the container says: %m");
		done += (size_t)written;
	}
	return 0;
}

/* The directory of a batch script is slurmd's own; the script is the step's program. */
static int add_script_directory(struct step *step, spank_t spank)
{
	uint32_t id;
	char **argv;
	int argc;
	const char *end;

	if (spank_get_item(spank, S_JOB_STEPID, &id) != ESPANK_SUCCESS || id != SLURM_BATCH_SCRIPT)
		return 0;
	if (spank_get_item(spank, S_JOB_ARGV, &argc, &argv) != ESPANK_SUCCESS || argc < 1)
		return fail(step, "Slurm does not say where the batch script is");
	end = strrchr(argv[0], '/');
	if (!end || end == argv[0])
		return 0;
	return words_add_new(&step->flags, "--step-dir=%.*s", (int)(end - argv[0]), argv[0]);
}

static bool has_any(char *const *environment, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (environment_find(environment, names[i]))
			return true;
	return false;
}

/* What srun offers the tasks' MPI to find each other by, for berth to compare with what the image's
 * library speaks; told by one node for all. NULL where nothing can go wrong, or it is not known: a
 * Cray's own way, or a step within a task, which inherits the outer step's variables. */
static const char *offered_pmi(spank_t spank, char *const *environment)
{
	static const char *const pmi2_signs[] = {"PMI_FD", "PMI_RANK"};
	static const char *const pmix_signs[] = {"PMIX_NAMESPACE", "PMIX_RANK"};
	bool pmi2 = has_any(environment, pmi2_signs, ARRAY_SIZE(pmi2_signs));
	bool pmix = has_any(environment, pmix_signs, ARRAY_SIZE(pmix_signs));
	uint32_t tasks, node;

	if (spank_get_item(spank, S_JOB_TOTAL_TASK_COUNT, &tasks) != ESPANK_SUCCESS || tasks < 2 ||
	    spank_get_item(spank, S_JOB_NODEID, &node) != ESPANK_SUCCESS || node != 0)
		return NULL;
	if ((pmi2 && pmix) || environment_find(environment, "PALS_RANKID"))
		return NULL;
	return pmi2 ? "pmi2" : pmix ? "pmix" : "none";
}

/* Of a container that is saved: where this is; one without a name is kept until the job ends. */
static int add_place(struct step *step, spank_t spank)
{
	uint32_t id, nodes;

	if (spank_get_item(spank, S_JOB_STEPID, &id) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_NNODES, &nodes) != ESPANK_SUCCESS)
		return fail(step, "Slurm does not say which step this is");
	if (words_add_new(&step->flags, "--node=%s", step->node) < 0 ||
	    words_add_new(&step->flags, "--nodes=%u", (unsigned int)nodes) < 0 ||
	    (!option_value(OPTION_NAME) &&
	     words_add_new(&step->flags, "--name=step-%u.%d", (unsigned int)id, (int)getpid()) < 0))
		return fail(step, "start berth: %m");
	return 0;
}

/* Of a container that is named or saved: the job with which it ends. */
static int add_container(struct step *step, spank_t spank)
{
	bool named = option_value(OPTION_NAME) != NULL;
	bool saved = option_value(OPTION_SAVE) != NULL;
	uint32_t job;

	if (saved && add_place(step, spank) < 0)
		return -1;
	if (named ? !step->config->job_scope : !saved)
		return 0;
	if (spank_get_item(spank, S_JOB_ID, &job) != ESPANK_SUCCESS)
		return fail(step, "Slurm does not say which job this is");
	return words_add_new(&step->flags, "--job=%u", (unsigned int)job);
}

static int add_step_flags(struct step *step, spank_t spank, char *const *environment)
{
	const char *pmix = environment_find(environment, "PMIX_SERVER_TMPDIR");
	const char *pmi = offered_pmi(spank, environment);

	if (pmix && words_add_new(&step->flags, "--step-dir=%s", pmix) < 0)
		return fail(step, "start berth: %m");
	if (pmi && words_add_new(&step->flags, "--pmi=%s", pmi) < 0)
		return fail(step, "start berth: %m");
	if (add_container(step, spank) < 0)
		return -1;
	return add_script_directory(step, spank);
}

static void make_container(struct step *step, spank_t spank, char *const *environment)
{
	struct words common = {0};
	char *message = NULL;
	size_t length = 0;

	step->shared->phase = PHASE_FAILED;
	if (environment_common(environment, &common) < 0) {
		fail(step, "start berth: %m");
		return;
	}
	if (add_step_flags(step, spank, environment) < 0 ||
	    child_hold(step, &common, &message, &length) < 0)
		return;
	if (!message)
		step->shared->phase = PHASE_EXPLAINED;
	else if (keep_message(step, message, length) == 0)
		step->shared->phase = PHASE_READY;
	free(message);
	words_free(&common);
}

static int take_environment(const struct step *step, spank_t spank, char *const *environment,
			    char *const *variables)
{
	struct words unset = {0}, set = {0};

	if (environment_merge(environment, variables, &unset, &set) < 0)
		return fail(step, "take over the environment: %m");
	for (size_t i = 0; i < unset.count; i++) {
		spank_unsetenv(spank, unset.list[i]);
		free(unset.list[i]);
	}
	for (size_t i = 0; i < set.count; i++) {
		char *value = strchr(set.list[i], '=');

		*value = '\0';
		if (spank_setenv(spank, set.list[i], value + 1, 1) != ESPANK_SUCCESS)
			return fail(step, "set %s", set.list[i]);
		*value = '=';
	}
	words_free(&unset);
	words_free(&set);
	return 0;
}

/* A copy of our own: what another process does to the file meanwhile changes nothing. NULL with
 * errno. */
static char *own_copy(int file, size_t *length)
{
	struct stat status;
	char *bytes;

	if (fstat(file, &status) < 0)
		return NULL;
	if (status.st_size < 1 || status.st_size > MESSAGE_LIMIT) {
		errno = EINVAL;
		return NULL;
	}
	*length = (size_t)status.st_size;
	bytes = malloc(*length);
	for (size_t done = 0; bytes && done < *length;) {
		ssize_t got = pread(file, bytes + done, *length - done, (off_t)done);

		if (got > 0) {
			done += (size_t)got;
			continue;
		}
		if (got == 0)
			errno = EINVAL;
		free(bytes);
		return NULL;
	}
	return bytes;
}

static int enter(const struct step *step, spank_t spank, char *const *environment)
{
	size_t length;
	char *bytes = own_copy(step->message, &length);
	struct message message = {0};
	const char *fault;
	int result;

	if (!bytes)
		return fail(step, "read what the container says: %m");
	fault = message_read(&message, bytes, length);
	if (fault)
		return fail(step, "%s %s", step->config->berth, fault);
	if (ns_join(step, &step->shared->processes[0]) < 0)
		return -1;
	if (chdir(message.directory) < 0)
		return fail(step, "change to %s in the container: %m", message.directory);
	result = take_environment(step, spank, environment, words_list(&message.variables));
	words_free(&message.variables);
	free(bytes);
	return result;
}

/* Whether there is something to be done when the tasks have ended. Only who has started a named
 * container has more than its holder here. */
static bool has_more_to_do(const struct step *step)
{
	return option_value(OPTION_SAVE) ||
	       (option_value(OPTION_NAME) && step->shared->process_count > 1);
}

int step_enter(struct step *step, spank_t spank)
{
	struct shared *shared = step->shared;
	char **environment;
	bool first;
	int error;

	if (spank_get_item(spank, S_JOB_ENV, &environment) != ESPANK_SUCCESS)
		return fail(step, "read the job's environment");
	error = pthread_mutex_lock(&shared->mutex);
	if (error == EOWNERDEAD) {
		pthread_mutex_consistent(&shared->mutex);
		shared->phase = PHASE_FAILED;
		fail(step, "the task that made the container was killed");
	} else if (error) {
		errno = error;
		return fail(step, "wait for the container: %m");
	}
	first = shared->phase == PHASE_FRESH;
	if (first)
		make_container(step, spank, environment);
	pthread_mutex_unlock(&shared->mutex);
	switch (shared->phase) {
	case PHASE_READY:
		if (first && has_more_to_do(step) && stay_behind(step, environment) < 0)
			return -1;
		return enter(step, spank, environment);
	case PHASE_EXPLAINED:
		_exit(0);
	case PHASE_FRESH:
	case PHASE_FAILED:
		break;
	}
	return -1;
}
