package org.berth.error;

/** The command line or a setting is wrong: the user corrects it. */
public final class UsageException extends BerthException {
    public UsageException(String message) {
        super(message);
    }

    public UsageException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Adds what the user can do about it. */
    public UsageException hint(String text) {
        setHint(text);
        return this;
    }
}
