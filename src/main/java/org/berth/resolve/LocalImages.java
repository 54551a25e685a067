package org.berth.resolve;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.Nearest;
import org.berth.files.OutputFiles;
import org.berth.host.Host;
import org.berth.image.RootfsSource;
import org.berth.image.RunnableImage;
import org.berth.sif.Architecture;
import org.berth.sif.FileSystemType;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.berth.squashfs.SquashfsReader;

/** Images that are files or directories of this machine: which kind, and how their root file system is mounted. */
public final class LocalImages {
    private static final byte[] SQUASHFS_MAGIC = {'h', 's', 'q', 's'};
    private static final int EXT3_MAGIC_AT = 1080;
    private static final List<Path> SERVERS = Stream.of("/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin")
            .map(Path::of)
            .flatMap(d -> Stream.of(d.resolve("squashfuse_ll"), d.resolve("squashfuse")))
            .toList();
    private static final Path FUSE = Path.of("/dev/fuse");

    private final Host host;
    private final SiteConfig site;

    public LocalImages(Host host, SiteConfig site) {
        this.host = host;
        this.site = site;
    }

    /** Whether squashfs images are to be unpacked first, by wish or because nothing here can mount them. */
    public enum Mounting {
        PREFERRED,
        UNPACK
    }

    /** What kind of image a path is; a SIF's descriptors have been read. */
    public sealed interface Kind {
        record Sandbox(Path root) implements Kind {}

        record Sif(SifFile file) implements Kind {}

        record PlainSquashfs(Path file, long offset, long size) implements Kind {}

        /** Known, so that it can be named; nothing can be done with it yet. */
        record Ext3(Path file) implements Kind {
            public ImageException unavailable() {
                return new ImageException("could not open image %s: ext3 images are not available yet".formatted(file));
            }
        }
    }

    /** One that is not there, with what is there and called nearly so. */
    private ImageException missing(Path path) {
        ImageException missing =
                new ImageException("could not open image %s: no such file or directory".formatted(path));
        Path folder = OutputFiles.folder(path);
        List<String> near = Nearest.of(String.valueOf(path.getFileName()), host.list(folder).stream());
        return near.isEmpty() ? missing : missing.hint("is it %s?".formatted(String.join(" or ", near)));
    }

    /**
     * Looks at an image.
     *
     * @throws ImageException if there is none, it cannot be read, or it is of no known kind
     */
    public Kind kind(Path path) {
        if (!host.exists(path)) {
            throw missing(path);
        }
        if (host.isDirectory(path)) {
            return new Kind.Sandbox(path);
        }
        if (!host.stat(path).orElseThrow().regular()) {
            // A pipe would be waited for, a device could be anything.
            throw new ImageException("could not open image %s: it is neither a file nor a directory".formatted(path));
        }
        if (!host.isReadable(path)) {
            throw new ImageException(
                    "could not open image %s: it is not readable by the current user, check permissions"
                            .formatted(path));
        }
        byte[] start = host.read(path, SifFile.DETECTION_SIZE).orElseThrow();
        if (SifFile.looksLikeSif(start)) {
            return new Kind.Sif(SifFile.read(path));
        }
        if (startsWith(start, SQUASHFS_MAGIC, 0)) {
            return new Kind.PlainSquashfs(path, 0, host.stat(path).orElseThrow().size());
        }
        if (start.length > EXT3_MAGIC_AT + 1
                && (start[EXT3_MAGIC_AT] & 0xFF) == 0x53
                && (start[EXT3_MAGIC_AT + 1] & 0xFF) == 0xEF) {
            return new Kind.Ext3(path);
        }
        throw new ImageException("could not open image %s: image format not recognized".formatted(path))
                .hint("a SIF, a squashfs, a sandbox directory or docker://… can be run");
    }

    /**
     * An image that can be mounted here.
     *
     * @param kind of what is at the path
     * @param mounting whether a squashfs may be mounted
     * @throws ImageException if it is for another machine, or of a kind that cannot be mounted
     */
    public RunnableImage runnable(Kind kind, Path path, String name, Mounting mounting) {
        return new RunnableImage(
                switch (kind) {
                    case Kind.Sandbox(Path root) -> new RootfsSource.Directory(root);
                    case Kind.PlainSquashfs(Path file, long offset, long size) ->
                        squashfs(file, offset, size, mounting);
                    case Kind.Ext3 ext3 -> throw ext3.unavailable();
                    case Kind.Sif(SifFile file) -> {
                        SifDescriptor partition = rootPartition(file);
                        yield squashfs(path, partition.offset(), partition.size(), mounting);
                    }
                },
                path.toString(),
                name);
    }

    /**
     * Looks at the length that the squashfs of a SIF tells of itself: one that goes on behind its object would be read beyond what
     * signatures cover.
     *
     * @throws ImageException if it is longer than its object
     */
    public static void requireWhole(Kind kind) {
        if (kind instanceof Kind.Sif(SifFile file)) {
            file.primaryPartition()
                    .filter(object -> object.partition()
                            .filter(partition -> partition.fileSystem() == FileSystemType.SQUASHFS)
                            .isPresent())
                    .ifPresent(object -> SquashfsReader.open(file.path(), object.offset(), object.size())
                            .close());
        }
    }

    private SifDescriptor rootPartition(SifFile file) {
        SifDescriptor partition = file.primaryPartition()
                .orElseThrow(() -> new ImageException(
                        "could not open image %s: it has no primary system partition".formatted(file.path())));
        SifDescriptor.Partition fields = partition.partition().orElseThrow();
        requireRunnable(file.path(), fields.architecture());
        if (fields.fileSystem() != FileSystemType.SQUASHFS) {
            throw new ImageException("could not open image %s: its root file system is %s, which is not available yet"
                    .formatted(file.path(), fields.fileSystem().word()));
        }
        return partition;
    }

    private void requireRunnable(Path path, Architecture architecture) {
        String machine = Machines.architecture(host.facts().machine());
        String wanted = architecture.word();
        boolean runs = architecture == Architecture.UNKNOWN
                || wanted.equals(machine)
                || wanted.equals("386") && machine.equals("amd64")
                || wanted.equals("arm") && machine.equals("arm64")
                || emulated(wanted);
        if (!runs) {
            throw new ImageException(
                    "could not open image %s: the image's architecture (%s) could not run on the host's (%s)"
                            .formatted(path, wanted, machine));
        }
    }

    /** An enabled entry of binfmt_misc whose interpreter the kernel has already opened (flag F). */
    private boolean emulated(String architecture) {
        Path entry = Path.of("/proc/sys/fs/binfmt_misc/qemu-" + Machines.qemu(architecture));
        return host.read(entry, 4096)
                .map(bytes -> new String(bytes, java.nio.charset.StandardCharsets.UTF_8))
                .filter(text -> text.startsWith("enabled") && text.lines().anyMatch(l -> l.matches("flags:.*F.*")))
                .isPresent();
    }

    private RootfsSource squashfs(Path file, long offset, long size, Mounting mounting) {
        if (mounting == Mounting.UNPACK) {
            return new RootfsSource.Squashfs(file, offset, size, Path.of("/"));
        }
        if (host.facts().root() && host.exists(Path.of("/dev/loop-control")) && kernelReadsSquashfs()) {
            return new RootfsSource.KernelSquashfs(file, offset, size);
        }
        return new RootfsSource.Squashfs(
                file,
                offset,
                size,
                server().orElseThrow(() -> new HostException("no squashfuse_ll or squashfuse program here")));
    }

    /** Why a squashfs cannot be mounted here; empty if it can. */
    public Optional<String> obstacle() {
        if (host.facts().root() && host.exists(Path.of("/dev/loop-control")) && kernelReadsSquashfs()) {
            return Optional.empty();
        }
        if (!host.exists(FUSE)) {
            return Optional.of("there is no /dev/fuse here");
        }
        if (!host.isReadable(FUSE) || !host.isWritable(FUSE)) {
            return Optional.of("/dev/fuse is closed to this user");
        }
        return server().isEmpty() ? Optional.of("squashfuse_ll is not installed") : Optional.empty();
    }

    private Optional<Path> server() {
        return site.squashfuse()
                .or(() -> SERVERS.stream().filter(host::isExecutable).findFirst());
    }

    private boolean kernelReadsSquashfs() {
        return host.read(Path.of("/proc/filesystems"), 1 << 16)
                .map(bytes -> new String(bytes, java.nio.charset.StandardCharsets.UTF_8))
                .filter(text -> text.contains("\tsquashfs\n"))
                .isPresent();
    }

    private static boolean startsWith(byte[] bytes, byte[] prefix, int at) {
        for (int i = 0; i < prefix.length; i++) {
            if (at + i >= bytes.length || bytes[at + i] != prefix[i]) {
                return false;
            }
        }
        return true;
    }
}
