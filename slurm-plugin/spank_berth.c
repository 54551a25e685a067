/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry points that Slurm calls, and in which process each of them runs.
 *
 * Slow work and failures belong into task_init: there a job can be cancelled, the exit status is
 * srun's, and no node is drained. user_init, whose failure srun does not see, only prepares.
 */
#include "berth_plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SPANK_PLUGIN(berth, 1)

static const struct config *site;
/* SPANK has no user pointer. */
static struct step step = {.release = {-1, -1}, .message = -1};

int slurm_spank_init(spank_t spank, int argc, char **argv)
{
	switch (spank_context()) {
	case S_CTX_LOCAL:
	case S_CTX_ALLOCATOR:
	case S_CTX_REMOTE:
		site = config_read(argc, argv);
		return options_register(spank);
	case S_CTX_SLURMD:
	case S_CTX_JOB_SCRIPT:
	case S_CTX_ERROR:
		break;
	}
	return 0;
}

/* ---- srun ---- */

/* What is a file here needs no CLI, and so no JVM: the nodes look at it themselves. */
static bool is_local(const char *image)
{
	return *image == '/' || *image == '.' || access(image, F_OK) == 0;
}

static int resolve_image(void)
{
	const char *image = option_value(OPTION_IMAGE);
	char *resolved;
	int result;

	if (is_local(image))
		return 0;
	if (child_resolve(site, image, &resolved) < 0)
		return -1;
	result = options_hand_on_image(resolved);
	free(resolved);
	return result;
}

static int complete_step(void)
{
	if (options_complete_in_srun() < 0)
		return -1;
	if (option_value(OPTION_IMAGE))
		return resolve_image();
	if (site->required && !option_value(OPTION_NAME)) {
		slurm_error("berth: steps run in containers here: --container-image is missing");
		return -1;
	}
	return 0;
}

int slurm_spank_init_post_opt(spank_t spank, int argc, char **argv)
{
	spank_context_t context = spank_context();

	if (context != S_CTX_LOCAL && context != S_CTX_ALLOCATOR)
		return 0;
	if (config_check() == 0 &&
	    (context == S_CTX_LOCAL ? complete_step() : options_complete_in_allocator()) == 0)
		return 0;
	/*
	 * What srun does, less its two lines about a plugin; nothing is allocated yet. It also
	 * holds where plugstack.conf calls the plugin optional.
	 */
	exit(1);
}

/* ---- slurmstepd ---- */

/* A salloc's shell and the extern step are on the host, and so is a batch script unless it was
 * wished otherwise; the steps in them are contained. */
static bool is_contained(spank_t spank, char *const *environment)
{
	uint32_t id;

	if (spank_get_item(spank, S_JOB_STEPID, &id) != ESPANK_SUCCESS)
		return false;
	if (id != SLURM_BATCH_SCRIPT)
		return id <= SLURM_MAX_NORMAL_STEP_ID;
	if (options_complete_in_batch(environment) < 0)
		step.trouble = "a BERTH_CONTAINER variable is wrong";
	return options_contain_batch_script();
}

int slurm_spank_user_init(spank_t spank, int argc, char **argv)
{
	char **environment;

	if (spank_get_item(spank, S_JOB_ENV, &environment) != ESPANK_SUCCESS ||
	    !is_contained(spank, environment))
		return 0;
	if (options_complete_in_step(environment) < 0)
		step.trouble = "out of memory";
	step.image = option_value(OPTION_IMAGE);
	if (step.image && options_image_called(environment)) {
		step.called = strdup(options_image_called(environment));
		if (!step.called)
			step.trouble = "out of memory";
	}
	step.contained = step.image || option_value(OPTION_NAME);
	if (!step.contained)
		return 0;
	step.config = site;
	step.quiet = options_are_quiet(environment);
	/* Of the kernel: a step in a batch script inherits the variables of the script's node. */
	if (gethostname(step.node, sizeof(step.node) - 1) < 0)
		*step.node = '\0';
	step.node[strcspn(step.node, ".")] = '\0';
	if (spank_get_item(spank, S_JOB_UID, &step.uid) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_LOCAL_TASK_COUNT, &step.tasks) != ESPANK_SUCCESS)
		step.trouble = "Slurm does not say whose step this is";
	else if (step_prepare(&step) < 0)
		step.trouble = strerror(errno);
	return 0;
}

int slurm_spank_task_init(spank_t spank, int argc, char **argv)
{
	int task = 0;

	if (!step.contained)
		return 0;
	if (!step.trouble) {
		if (step_enter(&step, spank) == 0)
			return 0;
	} else if (spank_get_item(spank, S_TASK_ID, &task) == ESPANK_SUCCESS && task == 0) {
		fail(&step, "prepare the step: %s", step.trouble);
	}
	/*
	 * What slurmstepd does with a task whose task_init failed, less its two lines for each of
	 * them. It also holds where plugstack.conf calls the plugin optional: a task that was to
	 * run in a container must not run on the host.
	 */
	_exit(1);
}

int slurm_spank_task_exit(spank_t spank, int argc, char **argv)
{
	if (step.contained && step_task_ended(&step))
		step_release(&step);
	return 0;
}

int slurm_spank_exit(spank_t spank, int argc, char **argv)
{
	if (spank_context() == S_CTX_REMOTE && step.contained)
		step_release(&step);
	return 0;
}

/* ---- slurmd, as root, when the job has ended on this node ---- */

int slurm_spank_job_epilog(spank_t spank, int argc, char **argv)
{
	uint32_t job;
	uid_t uid;

	/* Whatever becomes of it: a node must not be drained for it. What is left, the user's next
	 * named step or "berth container remove" removes. */
	if (spank_get_item(spank, S_JOB_ID, &job) == ESPANK_SUCCESS &&
	    spank_get_item(spank, S_JOB_UID, &uid) == ESPANK_SUCCESS)
		remove_job(config_read(argc, argv), uid, job);
	return 0;
}
