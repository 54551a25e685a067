/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container per step and node. The first task that comes makes it, under a lock on which the
 * others wait; then each enters it by itself. What only one task owns stays that task's.
 */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	RELEASE_LIMIT_MS = 3000,
	HEAD_WORDS = 3, /* of a message: berth-held, 1, how many processes */
};

/* Variables that Slurm makes for one task, or for the step: a container never changes them. */
static const char *const task_owned[] = {
	"SLURM_*",
	"SLURMD_*",
	"PMI_*",
	"PMI2_*",
	"PMIX_[!M]*",
	"PALS_*",
	"SLINGSHOT_*",
	"CUDA_VISIBLE_DEVICES",
	"GPU_DEVICE_*",
	"ROCR_VISIBLE_*",
	"ZE_AFFINITY_MASK",
	"OMPI_MCA_orte_*",
	"MPI_LOCAL*",
	"I_MPI_PMI_LIBRARY",
	"KRB5CCNAME",
};

/* Those of Slurm's that differ from task to task, or are ours. The others say what step it is: its
 * GPUs, say, which decide whether the container has their drivers. */
static const char *const slurm_task_owned[] = {
	"SLURM_PROCID", "SLURM_LOCALID", "SLURM_TASK_PID", "SLURM_CPU_BIND*", "SLURM_BERTH_*",
};

int words_add(struct words *words, char *word)
{
	if (words->count + 2 > words->room) {
		size_t room = words->room ? 2 * words->room : 64;
		char **list = realloc(words->list, room * sizeof(*list));

		if (!list)
			return -1;
		words->list = list;
		words->room = room;
	}
	words->list[words->count++] = word;
	words->list[words->count] = NULL;
	return 0;
}

int words_add_new(struct words *words, const char *format, ...)
{
	va_list arguments;
	char *word;
	int length;

	va_start(arguments, format);
	length = vasprintf(&word, format, arguments);
	va_end(arguments);
	return length < 0 ? -1 : words_add(words, word);
}

char **words_list(struct words *words)
{
	static char *none[] = {NULL};

	return words->list ? words->list : none;
}

const char *environment_find(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; *environment; environment++)
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

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

static bool is_in(const char *const *patterns, size_t count, const char *variable)
{
	size_t length = strcspn(variable, "=");
	char name[256];

	if (length >= sizeof(name))
		return false;
	memcpy(name, variable, length);
	name[length] = '\0';
	for (size_t i = 0; i < count; i++)
		if (!fnmatch(patterns[i], name, 0))
			return true;
	return false;
}

static bool is_task_owned(const char *variable)
{
	return is_in(task_owned, ARRAY_SIZE(task_owned), variable);
}

/* Whether all tasks of the node have it with the same value. */
static bool is_common(const char *variable)
{
	if (!strncmp(variable, "SLURM_", 6))
		return !is_in(slurm_task_owned, ARRAY_SIZE(slurm_task_owned), variable);
	return !is_task_owned(variable);
}

static int common_variables(char *const *environment, struct words *common)
{
	for (; *environment; environment++)
		if (is_common(*environment) && words_add(common, *environment) < 0)
			return -1;
	return 0;
}

static int keep_message(struct step *step, const char *message, size_t length)
{
	struct shared *shared = step->shared;
	const char *word = message + strlen(message) + 1;
	unsigned long count = 0;

	for (size_t done = 0; done < length;) {
		ssize_t written = pwrite(step->message, message + done, length - done, (off_t)done);

		if (written <= 0)
			return fail(step, "keep what the container says: %m");
		done += (size_t)written;
	}
	shared->message_length = length;
	/* A whole message is closed by "end", so none of these words is beyond it. */
	if (strcmp(message, "berth-held") != 0 || strcmp(word, "1") != 0)
		return fail(step, "%s is of another version than this plugin", step->config->berth);
	word += strlen(word) + 1;
	count = strtoul(word, NULL, 10);
	if (count < 1 || count > PROCESSES)
		return fail(step, "%s says that %lu processes hold the container",
			    step->config->berth, count);
	for (unsigned long i = 0; i < count; i++) {
		word += strlen(word) + 1;
		process_note(&shared->processes[i], (pid_t)strtol(word, NULL, 10));
	}
	shared->process_count = count;
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

/* Whether MPI in each task would take itself for the whole world; told by one node for all. */
static bool has_lone_ranks(spank_t spank, char *const *environment)
{
	static const char *const signs[] = {"PMI_FD", "PMI_RANK", "PMIX_NAMESPACE", "PMIX_RANK"};
	uint32_t tasks, node;

	if (spank_get_item(spank, S_JOB_TOTAL_TASK_COUNT, &tasks) != ESPANK_SUCCESS || tasks < 2 ||
	    spank_get_item(spank, S_JOB_NODEID, &node) != ESPANK_SUCCESS || node != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (environment_find(environment, signs[i]))
			return false;
	return true;
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

	if (pmix && words_add_new(&step->flags, "--step-dir=%s", pmix) < 0)
		return fail(step, "start berth: %m");
	if (has_lone_ranks(spank, environment) &&
	    words_add(&step->flags, (char *)"--lone-ranks") < 0)
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
	if (common_variables(environment, &common) < 0) {
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
	free(common.list);
}

/* The container's variables over the job's; a job's variable that it does not have is none of the
 * tasks' either (a clean environment, say). */
static int take_environment(const struct step *step, spank_t spank, char *const *environment,
			    char **variables)
{
	struct words names = {0};

	for (; *environment; environment++) {
		char *name = strndup(*environment, strcspn(*environment, "="));

		if (!name || words_add(&names, name) < 0)
			return fail(step, "take over the environment: %m");
	}
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.list[i];

		if (is_handed_on(name) ||
		    (!is_task_owned(name) && !environment_find(variables, name)))
			spank_unsetenv(spank, name);
		free(names.list[i]);
	}
	free(names.list);
	for (; *variables; variables++) {
		char *value = strchr(*variables, '=');

		if (is_task_owned(*variables) || !value)
			continue;
		*value = '\0';
		if (spank_setenv(spank, *variables, value + 1, 1) != ESPANK_SUCCESS)
			return fail(step, "set %s", *variables);
		*value = '=';
	}
	return 0;
}

static int enter(const struct step *step, spank_t spank, char *const *environment)
{
	const struct shared *shared = step->shared;
	size_t length = shared->message_length;
	/* Private: it is cut at each "=" on the way. */
	char *message = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, step->message, 0);
	struct words variables = {0};
	const char *directory;
	char *word = message;
	int result;

	if (message == MAP_FAILED)
		return fail(step, "read what the container says: %m");
	for (size_t i = 0; i < HEAD_WORDS + shared->process_count; i++)
		word += strlen(word) + 1;
	directory = word;
	for (word += strlen(word) + 1; word + strlen(word) + 1 < message + length;
	     word += strlen(word) + 1)
		if (words_add(&variables, word) < 0)
			return fail(step, "take over the environment: %m");
	if (ns_join(step, &shared->processes[0]) < 0)
		return -1;
	if (chdir(directory) < 0)
		return fail(step, "change to %s in the container: %m", directory);
	result = take_environment(step, spank, environment, words_list(&variables));
	free(variables.list);
	munmap(message, length);
	return result;
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
		if (first && option_value(OPTION_SAVE) && save_stay_behind(step, environment) < 0)
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

/* ---- in slurmstepd, after the tasks ---- */

bool step_task_ended(struct step *step)
{
	if (!step->shared)
		return ++step->ended >= step->tasks;
	return __atomic_add_fetch(&step->shared->ended, 1, __ATOMIC_RELEASE) >= step->tasks;
}

static uint64_t start_time_of(pid_t pid)
{
	scoped_fd directory = process_directory(pid);

	return directory < 0 ? 0 : process_start_time(directory);
}

static void nap(long microseconds)
{
	const struct timespec time = {.tv_nsec = microseconds * 1000};

	nanosleep(&time, NULL);
}

/*
 * slurmstepd kills what it finds in the step's cgroup and then sleeps a second, so it must find
 * nothing. Both are on their way: this is a matter of milliseconds. Only the server of a named
 * container stays as long as steps are in it that have joined, and this step with it: killed, it
 * would take their files away. Who cancels the step ends the wait.
 */
static void wait_for_end(const struct shared *shared)
{
	bool kept = option_value(OPTION_NAME) != NULL;
	long waited = 0;

	for (size_t i = 0; i < shared->process_count; i++) {
		const struct process *process = &shared->processes[i];
		long pause = 200;

		while (process->start_time && start_time_of(process->pid) == process->start_time &&
		       (kept || waited < RELEASE_LIMIT_MS * 1000L)) {
			nap(pause);
			waited += pause;
			if (pause < (waited < RELEASE_LIMIT_MS * 1000L ? 5000 : 200000))
				pause *= 2;
		}
	}
}

void step_release(struct step *step)
{
	if (!step->shared || step->release[1] < 0)
		return;
	close(step->release[0]);
	close(step->release[1]);
	step->release[0] = step->release[1] = -1;
	/* This thread only: its looks into /proc and its signal are the user's. */
	if (syscall(SYS_setresuid, -1, step->uid, -1) < 0) {
		slurm_error("berth: act as the job's user: %m");
		return;
	}
	if (step->shared->starting)
		kill(step->shared->starting, SIGKILL);
	wait_for_end(step->shared);
	if (syscall(SYS_setresuid, -1, 0, -1) < 0)
		slurm_error("berth: act as root again: %m");
	close(step->message);
}
