package org.berth.resolve;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.berth.host.Host;
import org.berth.sif.DataType;
import org.berth.sif.InspectFiles;
import org.berth.sif.InspectMetadata;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.berth.squashfs.Inode;
import org.berth.squashfs.Links;
import org.berth.squashfs.SquashfsReader;

/** What an image says of itself: from the SIF's metadata object, else from its files; nothing is mounted or run. */
public final class ImageMetadata {
    private static final long MAX_BYTES = 16 << 20;

    private final Host host;
    private final LocalImages images;

    public ImageMetadata(Host host, LocalImages images) {
        this.host = host;
        this.images = images;
    }

    public InspectMetadata of(Path path) {
        return switch (images.kind(path)) {
            case LocalImages.Kind.Sif(SifFile file) -> ofSif(file);
            case LocalImages.Kind.Sandbox(Path root) ->
                InspectFiles.collect(new SandboxTree(host, root), path.toString());
            case LocalImages.Kind.PlainSquashfs(Path file, long offset, long size) -> ofSquashfs(file, offset, size);
            case LocalImages.Kind.Ext3 ext3 -> throw ext3.unavailable();
        };
    }

    private static InspectMetadata ofSif(SifFile file) {
        Optional<SifDescriptor> object = file.named(DataType.GENERIC_JSON, InspectMetadata.OBJECT_NAME);
        if (object.isPresent()) {
            return InspectMetadata.parse(
                    file.bytes(object.orElseThrow(), MAX_BYTES), file.path().toString());
        }
        InspectMetadata ofFiles = file.primaryPartition()
                .map(partition -> ofSquashfs(file.path(), partition.offset(), partition.size()))
                .orElse(InspectMetadata.EMPTY);
        return file.first(DataType.DEFINITION)
                .map(definition -> ofFiles.withDeffile(
                        new String(file.bytes(definition, MAX_BYTES), StandardCharsets.UTF_8).strip()))
                .orElse(ofFiles);
    }

    private static InspectMetadata ofSquashfs(Path file, long offset, long size) {
        try (SquashfsReader reader = SquashfsReader.open(file, offset, size)) {
            return InspectFiles.collect(new SquashfsTree(reader), file.toString());
        }
    }

    private record SandboxTree(Host host, Path root) implements InspectFiles.Tree {
        @Override
        public Optional<byte[]> read(String path) {
            Path file = root.resolve(path.substring(1));
            return host.isDirectory(file) ? Optional.empty() : host.read(file, (int) MAX_BYTES);
        }

        @Override
        public List<String> list(String directory) {
            return host.list(root.resolve(directory.substring(1)));
        }
    }

    private record SquashfsTree(SquashfsReader reader) implements InspectFiles.Tree {
        @Override
        public Optional<byte[]> read(String path) {
            return reader.find(path, Links.FOLLOW)
                    .filter(Inode.RegularFile.class::isInstance)
                    .map(inode -> reader.read((Inode.RegularFile) inode, MAX_BYTES));
        }

        @Override
        public List<String> list(String directory) {
            return reader.find(directory, Links.FOLLOW)
                    .filter(Inode.Directory.class::isInstance)
                    .map(inode -> reader.list((Inode.Directory) inode).stream()
                            .map(org.berth.squashfs.DirectoryEntry::name)
                            .toList())
                    .orElse(List.of());
        }
    }
}
