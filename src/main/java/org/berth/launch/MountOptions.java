package org.berth.launch;

import java.util.ArrayList;
import java.util.List;

/** The options of a bind or mount, in the words of the plan. */
public record MountOptions(boolean recursive, boolean readOnly, boolean noSuid, boolean noDev, boolean noExec) {
    public static final MountOptions NONE = new MountOptions(false, false, false, false, false);

    /** A tree of the host as it is. */
    public static final MountOptions TREE = new MountOptions(true, false, false, false, false);

    /** A tree of the host without set-uid programs and device nodes. */
    public static final MountOptions USER_TREE = new MountOptions(true, false, true, true, false);

    /** A file system of our own without set-uid programs and device nodes. */
    public static final MountOptions SAFE = new MountOptions(false, false, true, true, false);

    public MountOptions withReadOnly(boolean value) {
        return new MountOptions(recursive, value, noSuid, noDev, noExec);
    }

    public String text() {
        List<String> words = new ArrayList<>();
        if (readOnly) {
            words.add("ro");
        }
        if (recursive) {
            words.add("rec");
        }
        if (noSuid) {
            words.add("nosuid");
        }
        if (noDev) {
            words.add("nodev");
        }
        if (noExec) {
            words.add("noexec");
        }
        return String.join(",", words);
    }
}
