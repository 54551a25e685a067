package org.berth.squashfs;

/** Whether a symbolic link at the end of a path is followed; those on the way always are. */
public enum Links {
    FOLLOW,
    NOFOLLOW
}
