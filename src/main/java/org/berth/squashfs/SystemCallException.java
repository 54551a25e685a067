package org.berth.squashfs;

import java.io.IOException;

/** A system call failed; the message is the system's words for the reason. */
final class SystemCallException extends IOException {
    private static final long serialVersionUID = 1;

    static final int EPERM = 1;
    static final int EEXIST = 17;
    static final int EINVAL = 22;
    static final int ENAMETOOLONG = 36;

    private final int errno;

    SystemCallException(int errno, String reason) {
        super(reason);
        this.errno = errno;
    }

    int errno() {
        return errno;
    }
}
