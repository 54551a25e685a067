package org.berth.gather;

import java.nio.file.Path;
import org.berth.files.OutputFiles;
import org.berth.resolve.LocalBuild;
import org.berth.resolve.LocalImages;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.berth.squashfs.SquashfsReader;
import org.berth.squashfs.Unpacker;

/** Images as directories that can be written to. */
public final class Sandboxes {
    private Sandboxes() {}

    /**
     * Unpacks an image file.
     *
     * @param kind no sandbox itself
     */
    public static void unpack(LocalImages.Kind kind, BuildTarget target, Unpacker.Rights rights) {
        switch (kind) {
            case LocalImages.Kind.Sandbox(Path root) ->
                throw new IllegalArgumentException("%s is a sandbox already".formatted(root));
            case LocalImages.Kind.PlainSquashfs(Path file, long offset, long size) ->
                unpack(file, offset, size, target, rights);
            case LocalImages.Kind.Sif(SifFile file) -> {
                SifDescriptor partition = LocalBuild.squashfs(file);
                unpack(file.path(), partition.offset(), partition.size(), target, rights);
            }
            case LocalImages.Kind.Ext3 ext3 -> throw ext3.unavailable();
        }
    }

    private static void unpack(Path file, long offset, long size, BuildTarget target, Unpacker.Rights rights) {
        boolean done = false;
        try (SquashfsReader reader = SquashfsReader.open(file, offset, size)) {
            OutputFiles.makePrivateDirectory(target.unfinished());
            Unpacker.unpack(reader, target.unfinished(), Runtime.getRuntime().availableProcessors(), rights);
            target.publish();
            done = true;
        } finally {
            if (!done) {
                target.discard();
            }
        }
    }
}
