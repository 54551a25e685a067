/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of Slurm's interface for plugins as the plugin's options use, for tests where there is no
 * Slurm; spank(8) says what it does. The test itself stands for Slurm (plugin_options.c).
 */
#ifndef TEST_SPANK_H
#define TEST_SPANK_H

typedef struct spank_handle *spank_t;

enum spank_context {
	S_CTX_ERROR,
	S_CTX_LOCAL,
	S_CTX_REMOTE,
	S_CTX_ALLOCATOR,
};
typedef enum spank_context spank_context_t;

enum {
	ESPANK_SUCCESS,
	ESPANK_ERROR,
};

typedef int (*spank_opt_cb_f)(int value, const char *argument, int remote);

struct spank_option {
	char *name;
	char *arginfo;
	char *usage;
	int has_arg;
	int val;
	spank_opt_cb_f cb;
};

spank_context_t spank_context(void);
int spank_option_register(spank_t spank, struct spank_option *option);
__attribute__((format(printf, 1, 2))) void slurm_error(const char *format, ...);

#endif
