package org.berth.error;

/** This machine lacks something: space, a permission, a program, a kernel feature. */
public final class HostException extends BerthException {
    public HostException(String message) {
        super(message);
    }

    public HostException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Adds what the user can do about it. */
    public HostException hint(String text) {
        setHint(text);
        return this;
    }
}
