package org.berth.squashfs;

import java.io.IOException;
import java.util.List;
import java.util.SortedMap;
import org.berth.libc.LinuxFiles;
import org.berth.libc.LinuxFiles.Status;
import org.berth.libc.SystemCallException;

/** A file that goes into an image, where it lies now: on this machine's disk, or in another squashfs. */
sealed interface Source permits DiskSource, SquashfsSource {
    byte[] name();

    /** For messages. */
    String path();

    /** What it is and whom it shall belong to; links are not followed. */
    Status status();

    /** Whether it belongs to the upper directory of an overlay, whose marks mean something. */
    boolean inLayer();

    /** Where a symbolic link leads to. */
    byte[] target() throws SystemCallException;

    /** The extended attributes of what cannot be opened: no directory and no regular file. */
    SortedMap<String, byte[]> leafXattrs();

    /** Opens a directory or a regular file. */
    Open open() throws SystemCallException;

    default boolean isDirectory() {
        return status().type() == LinuxFiles.S_IFDIR;
    }

    /** A file or directory that can be read. */
    interface Open extends AutoCloseable {
        SortedMap<String, byte[]> xattrs() throws SystemCallException;

        /** What a directory holds, in the order of the names' bytes. */
        List<Source> list() throws SystemCallException;

        /** Writes a regular file's content as a file of the image. */
        FileData copy(SquashfsWriter image) throws IOException;

        @Override
        void close() throws SystemCallException;
    }
}
