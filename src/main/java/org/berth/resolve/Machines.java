package org.berth.resolve;

/** Names of machines: the kernel's ({@code uname -m}), Go's, and qemu's. */
final class Machines {
    private Machines() {}

    /** Go's name of the kernel's. */
    static String architecture(String machine) {
        return switch (machine) {
            case "x86_64" -> "amd64";
            case "aarch64" -> "arm64";
            case "i386", "i486", "i586", "i686" -> "386";
            case "armv6l", "armv7l", "armv8l" -> "arm";
            case "loongarch64" -> "loong64";
            default -> machine;
        };
    }

    /** qemu's name of Go's, as in binfmt_misc. */
    static String qemu(String architecture) {
        return switch (architecture) {
            case "amd64" -> "x86_64";
            case "arm64" -> "aarch64";
            case "386" -> "i386";
            case "loong64" -> "loongarch64";
            default -> architecture;
        };
    }
}
