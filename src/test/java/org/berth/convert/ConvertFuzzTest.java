package org.berth.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.zip.GZIPInputStream;
import org.berth.convert.ConvertOptions.DiffIds;
import org.berth.convert.TarEntry.Kind;
import org.berth.error.ImageException;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.ImageLimits;
import org.berth.squashfs.Inode;
import org.berth.squashfs.SquashfsReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Layers that nobody would write, from the compressed bytes to the image. */
class ConvertFuzzTest {
    private static final ImageLimits LIMITS =
            new ImageLimits(10_000, 64L << 20, 64, 32 << 10, 1 << 20, 1 << 20, 200, 64L << 20);
    private static final Descriptor BLOB = new Descriptor("layer", Digest.sha256(new byte[0]), 0, Map.of());

    private static final List<String> NAMES = List.of(
            "a",
            "b",
            "a/b",
            "a/b/c",
            "d/",
            "./a",
            "/a",
            "a//b",
            "../a",
            "a/../../b",
            ".",
            "..",
            "/",
            "",
            "a/.",
            ".wh.a",
            "a/.wh.b",
            "a/.wh..wh..opq",
            ".wh..wh..opq",
            ".wh.",
            ".wh...",
            ".wh..wh.plnk",
            ".wh..",
            "link/x",
            "link/../x",
            "loop/x",
            "n".repeat(255),
            "n".repeat(256),
            "a\0b",
            "é",
            "\ufffd",
            "l/".repeat(70) + "x");
    private static final List<String> TARGETS = List.of(
            "a",
            "b",
            "../a",
            "/a",
            "/etc/passwd",
            "..",
            "/",
            ".",
            "loop",
            "link",
            "link/x",
            "",
            "t".repeat(4095),
            "t".repeat(4096),
            "a/b/c",
            "../../../../etc",
            "x\0y");
    private static final String TYPES = "01234567SLKxgDMVN\0A9";

    @TempDir
    Path directory;

    @Test
    void tarHeaders() {
        List<byte[]> whole = List.of(plain(), sparse(), longNames());
        Fuzz.of("tar").cases(3000).run(random -> {
            byte[] tar = random.nextInt(3) == 0 ? archive(random) : damaged(Mutation.one(whole, random), random);
            readTar(tar, random);
        });
    }

    @Test
    void paxRecords() {
        List<String> words = List.of(
                "path=",
                "linkpath=",
                "size=",
                "uid=",
                "gid=",
                "mtime=",
                "SCHILY.xattr.user.x=",
                "GNU.sparse.major=1",
                "GNU.sparse.minor=0",
                "GNU.sparse.map=",
                "GNU.sparse.size=",
                "GNU.sparse.offset=",
                "GNU.sparse.numbytes=",
                "GNU.sparse.realsize=",
                "GNU.sparse.name=",
                "0,1,2,3",
                "10",
                "\n",
                " ",
                "1.5",
                "-1.5");
        Fuzz.of("pax").cases(3000).run(random -> {
            var tar = new TarMaker();
            for (int entries = 1 + random.nextInt(3); entries > 0; entries--) {
                for (int headers = random.nextInt(3); headers > 0; headers--) {
                    String records = Mutation.text(records(random), words, random);
                    tar.rawPax(random.nextInt(4) == 0 ? 'g' : 'x', records);
                }
                tar.file("f", Mutation.text(words, 20, random));
            }
            readTar(tar.end(), random);
        });
    }

    @Test
    void entryPaths() {
        Fuzz.of("paths").cases(3000).run(random -> {
            byte[] raw = random.nextBoolean()
                    ? Mutation.text(NAMES, 6, random).getBytes(StandardCharsets.UTF_8)
                    : Mutation.bytes(Mutation.one(NAMES, random).getBytes(StandardCharsets.UTF_8), random);
            requireInside(EntryPath.clean(raw));
            assertFalse(EntryPath.show(raw).contains("\n"));
        });
    }

    @Test
    void gzipMembers() {
        byte[] whole =
                concatenated(MemoryLayers.gzip(plain()), MemoryLayers.gzip("more".getBytes(StandardCharsets.US_ASCII)));
        Fuzz.of("gzip").cases(2000).run(random -> {
            byte[] bytes = Mutation.bytes(whole, random);
            if (random.nextBoolean() && bytes.length > 4) {
                bytes[3] = (byte) random.nextInt(32);
            }
            Optional<byte[]> theirs;
            try (var in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
                theirs = Optional.of(in.readAllBytes());
            } catch (IOException e) {
                theirs = Optional.empty();
            }
            byte[] ours = new GzipStream(Dribble.of(bytes, random)).readAllBytes();
            // The JDK takes what follows a member for a damaged one or for nothing; what both read is the same.
            theirs.ifPresent(expected -> assertArrayEquals(
                    Arrays.copyOf(expected, Math.min(expected.length, ours.length)),
                    Arrays.copyOf(ours, Math.min(expected.length, ours.length))));
        });
    }

    @Test
    void zstdFrames() {
        byte[] whole = concatenated(Zstd.compress(plain()), Zstd.compress(sparse(), 3));
        Fuzz.of("zstd").cases(2000).run(random -> {
            byte[] bytes = Mutation.bytes(whole, random);
            try (InputStream in = LayerDecoder.decode(BLOB, Dribble.of(bytes, random))) {
                // A frame of a few bytes can stand for any number of them, which the limits of the conversion end.
                in.readNBytes(8 << 20);
            }
        });
    }

    /** Whole conversions: what comes of them is an image that the reader takes, with every file below its root. */
    @Test
    void layers() throws IOException {
        Path image = directory.resolve("image.sqfs");
        try (var out =
                FileChannel.open(image, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            Fuzz.of("layers").cases(100).run(random -> {
                var layers = new MemoryLayers();
                for (int left = 1 + random.nextInt(4); left > 0; left--) {
                    byte[] tar = random.nextInt(8) == 0 ? damaged(plain(), random) : archive(random);
                    layers.add(
                            switch (random.nextInt(4)) {
                                case 0 -> tar;
                                case 1 -> Zstd.compress(tar);
                                default -> MemoryLayers.gzip(tar);
                            });
                }
                out.truncate(0);
                Converter.convert(
                        layers.descriptors(),
                        List.of(),
                        layers,
                        List.of(),
                        new ConvertOptions(Compression.ZSTD, 1, Instant.EPOCH, LIMITS, 1, DiffIds.IGNORE),
                        out,
                        0);
                try (var reader = SquashfsReader.open(image, 0, Files.size(image))) {
                    walk(reader, reader.root(), 0);
                } catch (ImageException e) {
                    throw new AssertionError("the image that was made cannot be read", e);
                }
            });
        }
    }

    private static void walk(SquashfsReader reader, Inode.Directory at, int depth) {
        assertTrue(depth <= LIMITS.depth() + 1, "too deep");
        for (var entry : reader.list(at)) {
            Inode inode = reader.inode(entry.inodeReference());
            reader.xattrs(inode);
            if (inode instanceof Inode.Directory below) {
                walk(reader, below, depth + 1);
            } else if (inode instanceof Inode.RegularFile file) {
                reader.read(file, LIMITS.bytes());
            }
        }
    }

    private static void readTar(byte[] tar, RandomGenerator random) throws IOException {
        var reader = new TarReader(new TarInput(chunks(tar, random)), LIMITS);
        var written = new long[1];
        long seen = 0;
        for (var next = reader.next(); next.isPresent(); next = reader.next()) {
            TarEntry entry = next.get();
            assertTrue(++seen <= tar.length / 512 + 1, "more entries than headers");
            assertTrue(entry.stored() >= 0 && entry.size() >= 0);
            LIMITS.checkBytes(entry.size());
            if (entry.kind() == Kind.FILE && random.nextInt(4) != 0) {
                written[0] = 0;
                reader.copy(entry, new TarReader.Sink() {
                    @Override
                    public void write(byte[] bytes, int from, int length) {
                        assertTrue(from >= 0 && length >= 0 && length <= bytes.length - from);
                        written[0] += length;
                    }

                    @Override
                    public void writeHole(long length) {
                        assertTrue(length >= 0);
                        written[0] += length;
                    }
                });
                assertEquals(entry.size(), written[0], "what a file has is what is handed over");
            }
            requireInside(EntryPath.clean(entry.name()));
        }
    }

    private static void requireInside(byte[] path) {
        String text = new String(path, StandardCharsets.ISO_8859_1);
        assertFalse(text.startsWith("/") || text.endsWith("/") || text.contains("//") || text.contains("\0"), text);
        for (String part : text.split("/")) {
            assertFalse(part.equals("..") || part.equals(".") || part.length() > 255, text);
        }
    }

    private static TarInput.Chunks chunks(byte[] tar, RandomGenerator random) {
        int size = 1 + random.nextInt(2000);
        int[] at = {0};
        return () -> {
            if (at[0] >= tar.length) {
                return Optional.empty();
            }
            byte[] chunk = Arrays.copyOfRange(tar, at[0], Math.min(tar.length, at[0] + size));
            at[0] += size;
            return Optional.of(new TarInput.Chunk(chunk, chunk.length));
        };
    }

    /** Damage whose checksums are mostly right, so that it reaches what reads the fields. */
    private static byte[] damaged(byte[] whole, RandomGenerator random) {
        byte[] tar = whole.clone();
        for (int left = Mutation.few(4, random); left > 0; left--) {
            int header = random.nextInt(tar.length / 512) * 512;
            int[] field = FIELDS[random.nextInt(FIELDS.length)];
            byte[] bytes = new byte[field[1]];
            if (bytes.length > 1 && random.nextBoolean()) {
                TarMaker.number(bytes, 0, bytes.length, random.nextLong() >> random.nextInt(64));
            } else {
                byte[] old = Arrays.copyOfRange(tar, header + field[0], header + field[0] + field[1]);
                bytes = Arrays.copyOf(Mutation.bytes(old, random), field[1]);
            }
            System.arraycopy(bytes, 0, tar, header + field[0], field[1]);
        }
        if (random.nextInt(4) == 0) {
            tar = Mutation.bytes(tar, random);
        }
        if (random.nextInt(8) != 0) {
            for (int at = 0; at + 512 <= tar.length; at += 512) {
                if (tar[at + 257] == 'u' && tar[at + 258] == 's') {
                    byte[] header = Arrays.copyOfRange(tar, at, at + 512);
                    TarMaker.checksum(header);
                    System.arraycopy(header, 0, tar, at, 512);
                }
            }
        }
        return tar;
    }

    /** Offset and length of what a header holds, with the parts of GNU's and star's. */
    private static final int[][] FIELDS = {
        {0, 100},
        {100, 8},
        {108, 8},
        {116, 8},
        {124, 12},
        {136, 12},
        {148, 8},
        {156, 1},
        {157, 100},
        {257, 8},
        {329, 8},
        {337, 8},
        {345, 155},
        {386, 12},
        {398, 12},
        {482, 1},
        {483, 12},
        {508, 4}
    };

    private static byte[] archive(RandomGenerator random) {
        var tar = new TarMaker();
        for (int left = Mutation.few(12, random); left > 0; left--) {
            if (random.nextInt(6) == 0) {
                tar.with(
                        random.nextInt(010000),
                        random.nextLong() >>> random.nextInt(64),
                        random.nextInt(),
                        random.nextInt());
            }
            for (int records = random.nextInt(8) == 0 ? 1 + random.nextInt(3) : 0; records > 0; records--) {
                switch (random.nextInt(6)) {
                    case 0 -> tar.pax("path", Mutation.one(NAMES, random));
                    case 1 -> tar.pax("linkpath", Mutation.one(TARGETS, random));
                    case 2 -> tar.pax("mtime", Mutation.text("-1.5", List.of("9"), random));
                    case 3 ->
                        tar.pax(
                                "SCHILY.xattr."
                                        + Mutation.text("user.x", List.of("trusted.overlay.", "security."), random),
                                "v".repeat(Mutation.few(70_000, random)));
                    case 4 -> tar.pax("uid", Long.toString(random.nextLong() >>> random.nextInt(64)));
                    default -> tar.pax("size", Integer.toString(random.nextInt(600)));
                }
            }
            byte[] content = new byte[Mutation.few(1500, random)];
            char type = TYPES.charAt(random.nextInt(random.nextInt(4) == 0 ? TYPES.length() : 8));
            boolean link = type == '1' || type == '2';
            tar.entry(
                    type,
                    Mutation.one(NAMES, random),
                    link ? Mutation.one(TARGETS, random) : "",
                    type >= '1' && type <= '6' ? new byte[0] : content,
                    type >= '1' && type <= '6' ? 0 : content.length);
        }
        return random.nextInt(8) == 0 ? tar.cut() : tar.end();
    }

    private static String records(RandomGenerator random) {
        String record = Mutation.one(
                List.of(
                        "path=x\n",
                        "size=3\n",
                        "mtime=1.5\n",
                        "GNU.sparse.realsize=9\n",
                        "GNU.sparse.map=0,1,4,2\n",
                        "uid=7\n"),
                random);
        return (record.length() + 2) + " " + record;
    }

    private static byte[] plain() {
        return new TarMaker()
                .directory("a")
                .file("a/f", "content")
                .with(04755, 1L << 31, 5, -1)
                .pax("SCHILY.xattr.user.x", "value")
                .pax("mtime", "1.25")
                .file("a/b/c", new byte[1025])
                .symlink("link", "a/b")
                .symlink("loop", "loop")
                .hardLink("again", "a/f")
                .entry('3', "null", "", new byte[0], 0)
                .empty("a/.wh.gone")
                .end();
    }

    /** A sparse file in each of the four notations. */
    private static byte[] sparse() {
        var tar = new TarMaker();
        byte[] gnu = tar.header('S', "gnu", "", 5, 0644);
        TarMaker.put(gnu, 257, 8, "ustar  \0".getBytes(StandardCharsets.US_ASCII));
        TarMaker.number(gnu, 386, 12, 100);
        TarMaker.number(gnu, 398, 12, 5);
        TarMaker.number(gnu, 483, 12, 200);
        TarMaker.checksum(gnu);
        byte[] map = "1\n10\n5\n".getBytes(StandardCharsets.US_ASCII);
        return tar.raw(gnu)
                .raw(Arrays.copyOf("hello".getBytes(StandardCharsets.US_ASCII), 512))
                .paxHeader(
                        'x',
                        "GNU.sparse.size",
                        "30",
                        "GNU.sparse.numblocks",
                        "1",
                        "GNU.sparse.offset",
                        "10",
                        "GNU.sparse.numbytes",
                        "5")
                .file("old", "hello")
                .paxHeader('x', "GNU.sparse.size", "30", "GNU.sparse.name", "name", "GNU.sparse.map", "10,5")
                .file("middle", "hello")
                .paxHeader(
                        'x',
                        "GNU.sparse.major",
                        "1",
                        "GNU.sparse.minor",
                        "0",
                        "GNU.sparse.name",
                        "new",
                        "GNU.sparse.realsize",
                        "30")
                .file("new", concatenated(Arrays.copyOf(map, 512), "hello".getBytes(StandardCharsets.US_ASCII)))
                .end();
    }

    private static byte[] longNames() {
        return new TarMaker()
                .entry('L', "././@LongLink", "", "n/".repeat(100).getBytes(StandardCharsets.US_ASCII), 200)
                .entry('K', "././@LongLink", "", "t/".repeat(100).getBytes(StandardCharsets.US_ASCII), 200)
                .symlink("short", "short")
                .paxHeader('g', "mtime", "5", "SCHILY.xattr.user.g", "global")
                .file("x", "x")
                .end();
    }

    private static byte[] concatenated(byte[] one, byte[] other) {
        byte[] both = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, both, one.length, other.length);
        return both;
    }
}
