/* SPDX-License-Identifier: Apache-2.0 */
/* A squashfs image through a loop device and the kernel: root has both. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

/* Loop devices, from <linux/loop.h>. */
enum {
	LOOP_SET_FD_CALL = 0x4C00,
	LOOP_CLR_FD_CALL = 0x4C01,
	LOOP_SET_STATUS64_CALL = 0x4C04,
	LOOP_CTL_GET_FREE_CALL = 0x4C82,
	LOOP_READ_ONLY = 1,
	LOOP_AUTOCLEAR = 4,
	LOOP_TRIES = 64,
};

struct loop_status {
	uint64_t device, inode, rdevice, offset, size_limit;
	uint32_t number, encrypt_type, encrypt_key_size, flags;
	uint8_t file_name[64], crypt_name[64], encrypt_key[32];
	uint64_t init[2];
};

/* A loop device that shows this part of the file and goes with its last user. */
static int open_loop(int file, uint64_t offset, uint64_t size, char *name, size_t name_size)
{
	scoped_fd control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_status status = {
		.offset = offset,
		.size_limit = size,
		.flags = LOOP_READ_ONLY | LOOP_AUTOCLEAR,
	};

	if (control < 0)
		return -1;
	/* Another process may take the free device between the two calls. */
	for (int i = 0; i < LOOP_TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE_CALL);
		int device;

		if (number < 0)
			return -1;
		snprintf(name, name_size, "/dev/loop%d", number);
		device = open(name, O_RDONLY | O_CLOEXEC);
		if (device < 0)
			return -1;
		if (ioctl(device, LOOP_SET_FD_CALL, file) == 0) {
			if (ioctl(device, LOOP_SET_STATUS64_CALL, &status) == 0)
				return device;
			ioctl(device, LOOP_CLR_FD_CALL);
			close(device);
			return -1;
		}
		close_descriptor(&device);
		if (errno != EBUSY)
			return -1;
	}
	return -1;
}

void op_image_loop(struct context *context, struct step *step)
{
	scoped_fd file = open(step->words[0], O_RDONLY | O_CLOEXEC);
	scoped_fd at = openat(need_session(context), "image", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_fd device = -1;
	uint64_t offset = 0, size = 0;
	char name[32];

	parse_number(step->words[1], &offset);
	parse_number(step->words[2], &size);
	if (file < 0 || at < 0)
		die_errno("image %s", step->words[0]);
	require_identity(file, step, 3);
	device = open_loop(file, offset, size, name, sizeof(name));
	if (device < 0)
		die_errno("image %s: set up a loop device", step->words[0]);
	if (mount(name, fd_path(at).text, "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		die_mount(text("image %s: mount it", step->words[0]));
	image_is_mounted(context);
}
