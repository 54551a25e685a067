package org.berth.error;

import java.util.Optional;

/**
 * A failure that the user is told about in one message: what failed, on what, and what to do.
 *
 * <p>The subclasses differ in what the user can do. Only {@code cli} prints them and chooses the exit status.
 */
public abstract class BerthException extends RuntimeException {
    private Optional<String> hint = Optional.empty();

    protected BerthException(String message) {
        super(message);
    }

    protected BerthException(String message, Throwable cause) {
        super(message, cause);
    }

    /** What the user can do about it; one sentence without a full stop. */
    public Optional<String> hint() {
        return hint;
    }

    protected void setHint(String text) {
        hint = Optional.of(text);
    }
}
