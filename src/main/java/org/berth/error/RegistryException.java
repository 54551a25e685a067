package org.berth.error;

/** A registry refused, failed or could not be reached. */
public final class RegistryException extends BerthException {
    private boolean passing;

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

    /** Marks what may be over soon: no connection, an overloaded or broken server; not a refusal. */
    public RegistryException passing() {
        passing = true;
        return this;
    }

    public boolean isPassing() {
        return passing;
    }
}
