package org.berth.resolve;

/** What the SIF that is written is for, which is what the user is told. */
public enum Purpose {
    SIF("Creating SIF file..."),
    /** It is unpacked into a sandbox and then gone. */
    SANDBOX("Creating sandbox directory...");

    private final String message;

    Purpose(String message) {
        this.message = message;
    }

    String message() {
        return message;
    }
}
