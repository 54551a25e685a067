package org.berth.error;

/** A registry refused, failed or could not be reached. */
public final class RegistryException extends BerthException {
    public RegistryException(String message) {
        super(message);
    }

    public RegistryException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Adds what the user can do about it. */
    public RegistryException hint(String text) {
        setHint(text);
        return this;
    }
}
