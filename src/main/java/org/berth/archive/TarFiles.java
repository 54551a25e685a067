package org.berth.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.berth.archive.TarIndex.Member;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.Reason;
import org.berth.oci.BoundedInputStream;

/** The members of a tar archive, read where they lie; one that is compressed is uncompressed to a temporary file first. */
final class TarFiles extends StoredFiles {
    /** Links that lead to links; docker save writes chains of one. */
    private static final int MAX_LINKS = 8;

    private final String name;
    private final Path tar;
    private final Optional<Path> temporary;
    private final Map<String, Member> members;

    private TarFiles(String name, Path tar, Optional<Path> temporary, Map<String, Member> members) {
        this.name = name;
        this.tar = tar;
        this.temporary = temporary;
        this.members = members;
    }

    /**
     * Opens an archive: plain, gzip or zstd, told apart by its first bytes.
     *
     * @param scratch directory for a temporary file
     * @throws ImageException if there is none, or it is no archive
     */
    static TarFiles open(Path file, Path scratch) {
        Optional<Path> inflated = CompressedFile.inflate(file, scratch);
        return index(file.toString(), inflated.orElse(file), inflated);
    }

    /**
     * Opens an archive that is temporary itself.
     *
     * @param name for messages
     * @param tar removed when this is closed
     */
    static TarFiles ofTemporary(String name, Path tar) {
        return index(name, tar, Optional.of(tar));
    }

    private static TarFiles index(String name, Path tar, Optional<Path> temporary) {
        boolean kept = false;
        try (FileChannel channel = FileChannel.open(tar, StandardOpenOption.READ)) {
            TarFiles files = new TarFiles(name, tar, temporary, TarIndex.read(channel, name));
            kept = true;
            return files;
        } catch (IOException e) {
            throw new ImageException("could not read %s: %s".formatted(name, Reason.of(e)), e);
        } finally {
            if (!kept) {
                temporary.ifPresent(TarFiles::remove);
            }
        }
    }

    @Override
    String name() {
        return name;
    }

    @Override
    Optional<Long> size(String path) {
        return file(path).map(Member.File::size);
    }

    @Override
    InputStream open(String path) throws IOException {
        Member.File file = file(path).orElseThrow();
        FileChannel channel = FileChannel.open(tar, StandardOpenOption.READ);
        channel.position(file.offset());
        return new Bounded(Channels.newInputStream(channel), file.size(), name);
    }

    private Optional<Member.File> file(String path) {
        String at = path;
        for (int links = 0; links <= MAX_LINKS; links++) {
            switch (members.get(at)) {
                case null -> {
                    return Optional.empty();
                }
                case Member.File file -> {
                    return Optional.of(file);
                }
                case Member.Link(Optional<String> target) -> {
                    if (target.isEmpty()) {
                        throw new ImageException(
                                "%s: its %s is a link that leads out of it".formatted(name, shown(path)));
                    }
                    at = target.orElseThrow();
                }
                case Member.Other() ->
                    throw new ImageException("%s: its %s is no regular file".formatted(name, shown(path)));
            }
        }
        throw new ImageException("%s: its %s is a link that leads to itself".formatted(name, shown(path)));
    }

    @Override
    public void close() {
        temporary.ifPresent(TarFiles::remove);
    }

    static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(file, Reason.of(e)), e);
        }
    }

    /** So many bytes and no more; fewer are an error. */
    private static final class Bounded extends BoundedInputStream {
        private final String archive;

        Bounded(InputStream in, long size, String archive) {
            super(Objects.requireNonNull(in), size);
            this.archive = archive;
        }

        @Override
        protected int cut() {
            throw new ImageException("%s: it was cut while it was read".formatted(archive));
        }

        @Override
        public long skip(long wanted) throws IOException {
            long skipped = in.skip(Math.min(wanted, left()));
            setLeft(left() - skipped);
            return skipped;
        }
    }
}
