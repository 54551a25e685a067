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
#include <unistd.h>

extern char **environ;

static const char handed_on[] = HANDED_ON;
static const char called[] = HANDED_ON "CALLED";
static const char quiet[] = HANDED_ON "QUIET";

static const struct option {
	const char *name;
	const char *argument; /* NULL for a flag */
	const char *help;
	const char *key;  /* of the environment: BERTH_CONTAINER_KEY, PYXIS_CONTAINER_KEY */
	const char *flag; /* of "berth hold"; NULL: not passed on as a flag */
	enum option_index opposite;
} table[OPTION_COUNT] = {
	[OPTION_IMAGE] =
		{"container-image", "IMAGE",
		 "run the step in this image: docker://…, REGISTRY#NAME, NAME:TAG, a SIF, a "
		 "squashfs or a directory",
		 "IMAGE", NULL, OPTION_IMAGE},
	[OPTION_MOUNTS] = {"container-mounts", "SRC[:DST[:FLAGS]],...",
			   "mount files and directories of the host", "MOUNTS", "--mounts",
			   OPTION_MOUNTS},
	[OPTION_WORKDIR] = {"container-workdir", "PATH", "working directory in the container",
			    "WORKDIR", "--cwd", OPTION_WORKDIR},
	[OPTION_MOUNT_HOME] = {"container-mount-home", NULL, "mount the home directory",
			       "MOUNT_HOME", "--mount-home", OPTION_NO_MOUNT_HOME},
	[OPTION_NO_MOUNT_HOME] = {"no-container-mount-home", NULL,
				  "do not mount the home directory", NULL, "--no-home",
				  OPTION_MOUNT_HOME},
	[OPTION_WRITABLE] = {"container-writable", NULL,
			     "let the step write into the image; gone at its end", "WRITABLE",
			     "--writable-tmpfs", OPTION_READONLY},
	[OPTION_READONLY] = {"container-readonly", NULL, "nothing of the image may be written",
			     "READONLY", "--read-only", OPTION_WRITABLE},
	[OPTION_ENV] = {"container-env", "NAME,...",
			"variables whose value of the job wins over the image's", "ENV",
			"--keep-env", OPTION_ENV},
	[OPTION_ENTRYPOINT] = {"container-entrypoint", NULL,
			       "run the image's entrypoint once, for its environment", "ENTRYPOINT",
			       "--entrypoint", OPTION_NO_ENTRYPOINT},
	[OPTION_NO_ENTRYPOINT] = {"no-container-entrypoint", NULL,
				  "do not run the image's entrypoint", NULL, NULL,
				  OPTION_ENTRYPOINT},
	[OPTION_OPTIONS] = {"container-options", "OPTIONS",
			    "any launch options of 'berth exec', as one word", "OPTIONS",
			    "--options", OPTION_OPTIONS},
	[OPTION_EXPLAIN] = {"container-explain", NULL,
			    "say what each node would do and why, run nothing", "EXPLAIN",
			    "--explain", OPTION_EXPLAIN},
	[OPTION_NAME] = {"container-name", "NAME[:create|exec|no_exec]",
			 "keep what the step writes into the image under this name on each node; "
			 "one that runs is joined",
			 "NAME", "--name", OPTION_NAME},
	[OPTION_SAVE] = {"container-save", "PATH",
			 "write the changed image there at the end: NAME.sif or NAME.sqsh", "SAVE",
			 "--save", OPTION_SAVE},
	[OPTION_REMAP_ROOT] = {"container-remap-root", NULL, "appear as root in the container",
			       "REMAP_ROOT", "--remap-root", OPTION_NO_REMAP_ROOT},
	[OPTION_NO_REMAP_ROOT] = {"no-container-remap-root", NULL, "keep the user's own id", NULL,
				  NULL, OPTION_REMAP_ROOT},
	[OPTION_ENTRYPOINT_LOG] = {"container-entrypoint-log", NULL,
				   "print what the entrypoint prints, as is always done",
				   "ENTRYPOINT_LOG", NULL, OPTION_ENTRYPOINT_LOG},
	[OPTION_UNSHARE] = {"container-unshare", "NAME,...",
			    "namespaces that the node's tasks have to themselves: ipc, net, uts",
			    "UNSHARE", "--unshare", OPTION_UNSHARE},
	[OPTION_BATCH] = {"container-batch", "steps|script",
			  "what of a batch job is contained: its steps, or its script too", "BATCH",
			  NULL, OPTION_BATCH},
};

/* Between the values of an option that may be given more than once. */
static const char separators[OPTION_COUNT] = {
	[OPTION_MOUNTS] = ',',
	[OPTION_ENV] = ',',
	[OPTION_UNSHARE] = ',',
	[OPTION_OPTIONS] = ' ',
};

/* Where a value is from; what comes later here counts before what comes earlier. */
enum source {
	NOWHERE,
	INHERITED, /* of the sbatch or salloc that we run in */
	SCRIPT,	   /* an #SBATCH line */
	COMMAND,
};

static char *values[OPTION_COUNT];
static enum source sources[OPTION_COUNT];
static bool joined[OPTION_COUNT]; /* of several: Slurm would pass on the last one only */

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
	free(values[index]);
	values[index] = copy;
	if (table[index].opposite != index) {
		free(values[table[index].opposite]);
		values[table[index].opposite] = NULL;
	}
	return 0;
}

/* Whether the command line gives the option that value, its name perhaps shortened. */
static bool on_command_line(enum option_index index, const char *value)
{
	FILE *words = fopen("/proc/self/cmdline", "re");
	char *word = NULL;
	size_t room = 0;
	bool found = false, named = false;

	while (words && !found && getdelim(&word, &room, '\0', words) > 0) {
		const char *name = word + 2, *end = strchrnul(word, '=');
		size_t length = (size_t)(end - name);

		found = named && strcmp(word, value) == 0;
		named = strncmp(word, "--", 2) == 0 && length >= strlen("container-") &&
			strncmp(name, table[index].name, length) == 0;
		if (named && *end == '=')
			found = strcmp(end + 1, value) == 0;
		named = named && !*end;
	}
	free(word);
	if (words)
		fclose(words);
	return found;
}

/* What Slurm keeps of an sbatch's or salloc's option for the commands in it. The batch script's
 * variables have one prefix more. */
static const char *inherited_value(enum option_index index)
{
	static const char *const prefixes[] = {"SLURM_SPANK_", ""};
	const char *value = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes) && !value; i++) {
		char name[128];
		int length = snprintf(name, sizeof(name), "%s_SLURM_SPANK_OPTION_berth_%s",
				      prefixes[i], table[index].name);

		for (int at = 0; at < length; at++)
			if (name[at] == '-')
				name[at] = '_';
		value = getenv(name);
	}
	return value;
}

/* The inherited one comes first, and once. */
static enum source source_of(enum option_index index, const char *value)
{
	const char *inherited = inherited_value(index);

	if (sources[index] == NOWHERE && inherited && strcmp(inherited, value) == 0)
		return INHERITED;
	return spank_context() == S_CTX_ALLOCATOR && !on_command_line(index, value) ? SCRIPT
										    : COMMAND;
}

static bool is_element(const char *list, const char *value, char separator)
{
	size_t length = strlen(value);

	for (const char *at = strstr(list, value); at; at = strstr(at + 1, value))
		if ((at == list || at[-1] == separator) && (!at[length] || at[length] == separator))
			return true;
	return false;
}

static int join(enum option_index index, const char *value)
{
	char *list;
	int result;

	if (is_element(values[index], value, separators[index]))
		return 0;
	if (asprintf(&list, "%s%c%s", values[index], separators[index], value) < 0) {
		slurm_error("berth: --%s: %m", table[index].name);
		return -1;
	}
	joined[index] = true;
	result = set(index, list);
	free(list);
	return result;
}

/* All values that the sbatch or salloc was given, where this is the last of several. */
static const char *whole_list(enum option_index index, const char *last)
{
	char name[64];
	const char *list;
	size_t length, end = strlen(last);

	snprintf(name, sizeof(name), "%s%d", handed_on, (int)index);
	list = separators[index] ? getenv(name) : NULL;
	length = list ? strlen(list) : 0;
	return length > end && strcmp(list + length - end, last) == 0 &&
			       list[length - end - 1] == separators[index]
		       ? list
		       : NULL;
}

/*
 * Called for each value, also for one that was inherited. The same source's are one list, or have
 * to be the same; those of one that counts more replace the others.
 */
static int take_value(enum option_index index, const char *value)
{
	enum source source = source_of(index, value);
	const char *list = source == INHERITED ? whole_list(index, value) : NULL;

	if (source < sources[index])
		return 0;
	if (source > sources[index] || !values[index]) {
		sources[index] = source;
		joined[index] = list != NULL;
		return set(index, list ? list : value);
	}
	if (separators[index])
		return join(index, value);
	if (strcmp(values[index], value) == 0)
		return 0;
	slurm_error("berth: --%s is given twice: %s and %s", table[index].name, values[index],
		    value);
	return -1;
}

static int take_option(int index, const char *value, int remote)
{
	const struct option *option = &table[index];

	if (option->argument && (!value || !*value)) {
		slurm_error("berth: --%s needs a value", option->name);
		return -1;
	}
	if (!option->argument)
		return set((enum option_index)index, "1");
	return remote ? set((enum option_index)index, value)
		      : take_value((enum option_index)index, value);
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

		snprintf(help, sizeof(help), "berth: %s", option->help);
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

/* What this command does not hand on itself is another one's, or the user's. */
static void forget_handed_on(void)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%d", handed_on, i);
		unsetenv(name);
	}
	unsetenv(called);
	unsetenv(quiet);
}

/* Slurm keeps its -Q to itself. Of several commands with ":" between them, the first one's. */
static bool is_quiet(void)
{
	FILE *words = fopen("/proc/self/cmdline", "re");
	char *word = NULL;
	size_t room = 0;
	bool found = false;

	/* getopt(3) of the program has left in optind where its options end. */
	for (int at = 0; words && at < optind && !found; at++) {
		if (getdelim(&word, &room, '\0', words) <= 0)
			break;
		found = at && (!strcmp(word, "-Q") || !strcmp(word, "--quiet"));
	}
	free(word);
	if (words)
		fclose(words);
	return found;
}

int options_complete_in_allocator(void)
{
	forget_handed_on();
	for (int i = 0; i < OPTION_COUNT; i++)
		if (joined[i] && hand_on((enum option_index)i) < 0)
			return -1;
	return 0;
}

int options_complete_in_srun(void)
{
	/* All, before one is handed on: an option may hand on its opposite. */
	forget_handed_on();
	for (int i = 0; i < OPTION_COUNT; i++) {
		enum option_index opposite = table[i].opposite;
		bool given = values[i] || values[opposite];

		if (complete((enum option_index)i, environ) < 0)
			return -1;
		if (joined[i] && hand_on((enum option_index)i) < 0)
			return -1;
		if (given)
			continue;
		if (values[i] && hand_on((enum option_index)i) < 0)
			return -1;
		if (values[opposite] && hand_on(opposite) < 0)
			return -1;
	}
	if (is_quiet() && setenv(quiet, "1", 1) < 0) {
		slurm_error("berth: hand on --quiet: %m");
		return -1;
	}
	return 0;
}

bool options_are_quiet(char *const *environment)
{
	return environment_find(environment, quiet) != NULL;
}

int options_hand_on_image(const char *image)
{
	if (setenv(called, values[OPTION_IMAGE], 1) < 0) {
		slurm_error("berth: hand on the image's name: %m");
		return -1;
	}
	if (set(OPTION_IMAGE, image) < 0)
		return -1;
	return hand_on(OPTION_IMAGE);
}

const char *options_image_called(char *const *environment)
{
	return environment_find(environment, called);
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
