package org.berth.cache;

import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.berth.error.HostException;
import org.berth.files.OutputFiles;
import org.berth.files.OwnFiles;

/** Images that are copied out of the cache. */
public final class ImageCopies {
    private ImageCopies() {}

    /**
     * Copies an image without the cache's trailer; the copy appears whole. The kernel shares the blocks where the file system can.
     *
     * @param mode permission bits
     * @throws HostException if it cannot be written, also if there is no room
     */
    public static void copy(Path from, Path to, int mode) {
        OwnFiles.make(to, mode, file -> {
            try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ)) {
                long size = ImageTrailer.imageSize(in);
                Space.require(OutputFiles.folder(to), size);
                long position = 0;
                while (position < size) {
                    position += in.transferTo(position, size - position, file.channel());
                }
            }
        });
    }
}
