package org.berth.libc;

import java.io.IOException;

/** A system call failed; the message is the system's words for the reason. */
public final class SystemCallException extends IOException {
    private static final long serialVersionUID = 1;

    public static final int EPERM = 1;
    public static final int EEXIST = 17;
    public static final int EINVAL = 22;
    public static final int ENAMETOOLONG = 36;

    private final int errno;

    SystemCallException(int errno, String reason) {
        super(reason);
        this.errno = errno;
    }

    public int errno() {
        return errno;
    }
}
