package org.berth.error;

/** An image, archive or definition is broken, or not what it should be. */
public final class ImageException extends BerthException {
    public ImageException(String message) {
        super(message);
    }

    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Adds what the user can do about it. */
    public ImageException hint(String text) {
        setHint(text);
        return this;
    }
}
