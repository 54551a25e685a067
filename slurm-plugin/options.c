/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of options, and the arguments of plugstack.conf.
 *
 * Names and syntax are pyxis', so that scripts move over. Values are not looked into: whatever
 * they mean is decided by the Berth CLI. SPANK's option callback has no user pointer, so the values
 * live in this file.
 */
#include "berth_plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static const char handed_on[] = HANDED_ON;

enum status {
	READY,
	IGNORED, /* says what is the case anyway */
	LATER,
};

static const struct option {
	const char *name;
	const char *argument; /* NULL for a flag */
	const char *help;
	const char *key;  /* of the environment: BERTH_CONTAINER_KEY, PYXIS_CONTAINER_KEY */
	const char *flag; /* of "berth hold"; NULL: not passed on as a flag */
	enum option_index opposite;
	enum status status;
} table[OPTION_COUNT] = {
	[OPTION_IMAGE] =
		{"container-image", "IMAGE",
		 "run the step in this image: docker://…, REGISTRY#NAME, NAME:TAG, a SIF, a "
		 "squashfs or a directory",
		 "IMAGE", NULL, OPTION_IMAGE, READY},
	[OPTION_MOUNTS] = {"container-mounts", "SRC[:DST[:FLAGS]],...",
			   "mount files and directories of the host", "MOUNTS", "--mounts",
			   OPTION_MOUNTS, READY},
	[OPTION_WORKDIR] = {"container-workdir", "PATH", "working directory in the container",
			    "WORKDIR", "--cwd", OPTION_WORKDIR, READY},
	[OPTION_MOUNT_HOME] = {"container-mount-home", NULL, "mount the home directory",
			       "MOUNT_HOME", "--mount-home", OPTION_NO_MOUNT_HOME, READY},
	[OPTION_NO_MOUNT_HOME] = {"no-container-mount-home", NULL,
				  "do not mount the home directory", NULL, "--no-home",
				  OPTION_MOUNT_HOME, READY},
	[OPTION_WRITABLE] = {"container-writable", NULL,
			     "let the step write into the image; gone at its end", "WRITABLE",
			     "--writable-tmpfs", OPTION_READONLY, READY},
	[OPTION_READONLY] = {"container-readonly", NULL, "nothing of the image may be written",
			     "READONLY", "--read-only", OPTION_WRITABLE, READY},
	[OPTION_ENV] = {"container-env", "NAME,...",
			"variables whose value of the job wins over the image's", "ENV",
			"--keep-env", OPTION_ENV, READY},
	[OPTION_ENTRYPOINT] = {"container-entrypoint", NULL,
			       "run the image's entrypoint once, for its environment", "ENTRYPOINT",
			       "--entrypoint", OPTION_NO_ENTRYPOINT, READY},
	[OPTION_NO_ENTRYPOINT] = {"no-container-entrypoint", NULL,
				  "do not run the image's entrypoint", NULL, NULL,
				  OPTION_ENTRYPOINT, READY},
	[OPTION_OPTIONS] = {"container-options", "OPTIONS",
			    "any launch options of 'berth exec', as one word", "OPTIONS",
			    "--options", OPTION_OPTIONS, READY},
	[OPTION_EXPLAIN] = {"container-explain", NULL,
			    "say what each node would do and why, run nothing", "EXPLAIN",
			    "--explain", OPTION_EXPLAIN, READY},
	[OPTION_NAME] = {"container-name", "NAME[:create|exec|no_exec]",
			 "keep what the step writes into the image under this name on each node; "
			 "one that runs is joined",
			 "NAME", "--name", OPTION_NAME, READY},
	[OPTION_SAVE] = {"container-save", "PATH",
			 "write the changed image there at the end: NAME.sif or NAME.sqsh", "SAVE",
			 "--save", OPTION_SAVE, READY},
	[OPTION_REMAP_ROOT] = {"container-remap-root", NULL, "appear as root in the container",
			       "REMAP_ROOT", "--remap-root", OPTION_NO_REMAP_ROOT, READY},
	[OPTION_NO_REMAP_ROOT] = {"no-container-remap-root", NULL, "keep the user's own id", NULL,
				  NULL, OPTION_REMAP_ROOT, READY},
	[OPTION_ENTRYPOINT_LOG] = {"container-entrypoint-log", NULL,
				   "print what the entrypoint prints, as is always done",
				   "ENTRYPOINT_LOG", NULL, OPTION_ENTRYPOINT_LOG, IGNORED},
	[OPTION_UNSHARE] = {"container-unshare", "NAME,...",
			    "namespaces that the node's tasks have to themselves: ipc, net, uts",
			    "UNSHARE", "--unshare", OPTION_UNSHARE, READY},
	[OPTION_BATCH] = {"container-batch", "steps|script",
			  "what of a batch job is contained: its steps, or its script too", "BATCH",
			  NULL, OPTION_BATCH, READY},
};

static char *values[OPTION_COUNT];

static struct config config;
static char *config_fault;

/* ---- plugstack.conf ---- */

static bool has_value(const char *word, const char *name, const char **value)
{
	size_t length = strlen(name);

	if (strncmp(word, name, length) != 0 || word[length] != '=')
		return false;
	*value = word + length + 1;
	return true;
}

static void read_argument(const char *word)
{
	const char *value;
	const char *fault = NULL;

	if (has_value(word, "berth", &value)) {
		config.berth = value;
		if (*value != '/')
			fault = "is not an absolute path";
	} else if (has_value(word, "store", &value)) {
		config.store = value;
		if (*value != '/')
			fault = "is not an absolute path";
	} else if (has_value(word, "required", &value)) {
		config.required = !strcmp(value, "1");
		if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
			fault = "is neither 0 nor 1";
	} else if (has_value(word, "batch", &value)) {
		config.batch_script = !strcmp(value, "script");
		if (strcmp(value, "steps") != 0 && !config.batch_script)
			fault = "is neither steps nor script";
	} else if (has_value(word, "scope", &value)) {
		config.job_scope = !strcmp(value, "job");
		if (strcmp(value, "job") != 0 && strcmp(value, "cluster") != 0)
			fault = "is neither job nor cluster";
	} else {
		fault = "is unknown";
	}
	if (fault && !config_fault && asprintf(&config_fault, "%s %s", word, fault) < 0)
		config_fault = NULL;
}

/* PREFIX/bin/berth of PREFIX/lib/slurm/spank_berth.so: a tree may be copied elsewhere. */
static const char *own_berth(void)
{
	static char path[PATH_MAX];
	Dl_info self;
	const char *end;

	if (!dladdr(handed_on, &self) || *self.dli_fname != '/')
		return NULL;
	end = self.dli_fname + strlen(self.dli_fname);
	for (int levels = 0; levels < 3 && end > self.dli_fname; levels++)
		end = memrchr(self.dli_fname, '/', (size_t)(end - self.dli_fname));
	snprintf(path, sizeof(path), "%.*s/bin/berth", (int)(end - self.dli_fname), self.dli_fname);
	return path;
}

const struct config *config_read(int argc, char **argv)
{
	config.berth = own_berth();
	for (int i = 0; i < argc; i++)
		read_argument(argv[i]);
	if (!config.berth)
		config.berth = "/usr/bin/berth";
	return &config;
}

int config_check(void)
{
	if (!config_fault)
		return 0;
	slurm_error("berth: plugstack.conf: %s", config_fault);
	return -1;
}

/* ---- srun's options ---- */

static int set(enum option_index index, const char *value)
{
	char *copy;

	if (index == OPTION_BATCH && strcmp(value, "steps") != 0 && strcmp(value, "script") != 0) {
		slurm_error("berth: --%s=%s is neither steps nor script", table[index].name, value);
		return -1;
	}
	copy = strdup(value);
	if (!copy) {
		slurm_error("berth: --%s: %m", table[index].name);
		return -1;
	}
	/* Called again with another value where srun overrides sbatch: the last counts. */
	free(values[index]);
	values[index] = copy;
	if (table[index].opposite != index) {
		free(values[table[index].opposite]);
		values[table[index].opposite] = NULL;
	}
	return 0;
}

static int take_option(int index, const char *value, int remote)
{
	const struct option *option = &table[index];

	if (option->status == LATER && !remote) {
		slurm_error("berth: --%s is not available yet", option->name);
		return -1;
	}
	if (option->argument && (!value || !*value)) {
		slurm_error("berth: --%s needs a value", option->name);
		return -1;
	}
	return set((enum option_index)index, option->argument ? value : "1");
}

int options_register(spank_t spank)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &table[i];
		char help[256];
		struct spank_option row = {
			.name = (char *)option->name,
			.arginfo = (char *)option->argument,
			.usage = help,
			.has_arg = option->argument != NULL,
			.val = i,
			.cb = take_option,
		};

		snprintf(help, sizeof(help), "berth: %s%s", option->help,
			 option->status == LATER ? " (not available yet)" : "");
		if (spank_option_register(spank, &row) != ESPANK_SUCCESS) {
			slurm_error("berth: register the option --%s", option->name);
			return -1;
		}
	}
	return 0;
}

const char *option_value(enum option_index index)
{
	return values[index];
}

/* A flag's variable says yes or no; of pyxis' too. */
static int set_flag(enum option_index index, const char *variable, const char *value)
{
	static const char *const yes[] = {"1", "true", "yes", "y", "on"};
	static const char *const no[] = {"0", "false", "no", "n", "off"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!strcasecmp(value, yes[i]))
			return set(index, "1");
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (!strcasecmp(value, no[i]))
			return table[index].opposite == index ? 0 : set(table[index].opposite, "1");
	slurm_error("berth: %s=%s is neither yes nor no", variable, value);
	return -1;
}

static int take_default(enum option_index index, const char *variable, const char *value)
{
	const struct option *option = &table[index];

	if (option->status == LATER) {
		slurm_error("berth: --%s (by %s) is not available yet", option->name, variable);
		return -1;
	}
	return option->argument ? set(index, value) : set_flag(index, variable, value);
}

static int hand_on(enum option_index index)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%d", handed_on, (int)index);
	if (setenv(name, values[index], 1) < 0) {
		slurm_error("berth: hand on --%s: %m", table[index].name);
		return -1;
	}
	return 0;
}

/* Where neither an option nor its opposite was given. */
static int complete(enum option_index index, char *const *environment)
{
	static const char *const prefixes[] = {"BERTH_CONTAINER_", "PYXIS_CONTAINER_"};
	const struct option *option = &table[index];

	if (!option->key || values[index] || values[option->opposite])
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		char name[64];
		const char *value;

		snprintf(name, sizeof(name), "%s%s", prefixes[i], option->key);
		value = environment_find(environment, name);
		if (value && *value)
			return take_default(index, name, value);
	}
	return 0;
}

int options_complete_in_srun(void)
{
	/* All, before one is handed on: an option may hand on its opposite. */
	for (int i = 0; i < OPTION_COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%d", handed_on, i);
		unsetenv(name);
	}
	for (int i = 0; i < OPTION_COUNT; i++) {
		enum option_index opposite = table[i].opposite;
		bool given = values[i] || values[opposite];

		if (complete((enum option_index)i, environ) < 0)
			return -1;
		if (given)
			continue;
		if (values[i] && hand_on((enum option_index)i) < 0)
			return -1;
		if (values[opposite] && hand_on(opposite) < 0)
			return -1;
	}
	return 0;
}

int options_hand_on_image(const char *image)
{
	if (set(OPTION_IMAGE, image) < 0)
		return -1;
	return hand_on(OPTION_IMAGE);
}

int options_complete_in_step(char *const *environment)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		char name[64];
		const char *value;

		snprintf(name, sizeof(name), "%s%d", handed_on, i);
		value = environment_find(environment, name);
		if (value && set((enum option_index)i, value) < 0)
			return -1;
	}
	return 0;
}

int options_complete_in_batch(char *const *environment)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if (complete((enum option_index)i, environment) < 0)
			return -1;
	return 0;
}

bool options_contain_batch_script(void)
{
	const char *value = values[OPTION_BATCH];

	return value ? !strcmp(value, "script") : config.batch_script;
}

int options_as_flags(struct words *argv)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &table[i];

		if (!option->flag || !values[i])
			continue;
		if ((option->argument ? words_add_new(argv, "%s=%s", option->flag, values[i])
				      : words_add_new(argv, "%s", option->flag)) < 0)
			return -1;
	}
	return 0;
}
