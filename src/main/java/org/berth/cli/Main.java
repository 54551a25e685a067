package org.berth.cli;

import io.quarkus.runtime.annotations.QuarkusMain;

/** Entry point of the Java side. */
@QuarkusMain
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.out.println("berth");
    }
}
