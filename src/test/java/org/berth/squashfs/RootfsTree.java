package org.berth.squashfs;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The whole tree of an image, one line a path, in the terms of the corpus' {@code rootfs.jsonl}: read from a squashfs, from
 * a directory or from such a list, to be compared.
 */
final class RootfsTree {
    /**
     * A path and what is there.
     *
     * @param path begins with a slash; bytes that are not UTF-8 are replacement characters
     * @param fields {@code type mode uid gid mtime}, and where they apply {@code size sha256 link dev xattrs nlink hard}
     * @param implied a directory that no entry of a layer describes: only its type is known
     */
    record Line(String path, Map<String, String> fields, boolean implied) {}

    private static final List<String> COMPARED =
            List.of("type", "mode", "uid", "gid", "mtime", "size", "sha256", "link", "dev", "xattrs", "nlink", "hard");
    private static final Comparator<byte[]> BYTE_ORDER = Arrays::compareUnsigned;

    private final List<Line> lines;

    private RootfsTree(List<Line> lines) {
        this.lines = lines;
    }

    List<Line> lines() {
        return lines;
    }

    Line line(String path) {
        return lines.stream()
                .filter(line -> line.path().equals(path))
                .findFirst()
                .orElseThrow();
    }

    /** The tree of a squashfs. */
    static RootfsTree of(SquashfsReader image) {
        return ofUntrusted(image, Integer.MAX_VALUE);
    }

    /** The tree of a squashfs whose directories may go round in a circle: no more than that many paths. */
    static RootfsTree ofUntrusted(SquashfsReader image, int limit) {
        Map<byte[], Inode> nodes = new TreeMap<>(BYTE_ORDER);
        collect(image, image.root(), new byte[0], nodes, limit);
        Links groups = new Links();
        nodes.forEach((path, inode) -> {
            if (!(inode instanceof Inode.Directory)) {
                groups.add(inode.attributes().reference(), text(path));
            }
        });
        List<Line> lines = new ArrayList<>();
        nodes.forEach((path, inode) -> {
            Map<String, String> fields = fields(image, inode);
            groups.describe(inode.attributes().reference(), fields);
            lines.add(new Line(text(path), fields, false));
        });
        return new RootfsTree(lines);
    }

    private static void collect(
            SquashfsReader image, Inode.Directory directory, byte[] path, Map<byte[], Inode> nodes, int limit) {
        nodes.put(path.length == 0 ? new byte[] {'/'} : path, directory);
        for (DirectoryEntry entry : image.list(directory)) {
            byte[] child = Arrays.copyOf(path, path.length + 1 + entry.rawName().length);
            child[path.length] = '/';
            System.arraycopy(entry.rawName(), 0, child, path.length + 1, entry.rawName().length);
            Inode inode = image.inode(entry.inodeReference());
            if (nodes.size() >= limit) {
                return;
            }
            if (inode instanceof Inode.Directory below) {
                collect(image, below, child, nodes, limit);
            } else {
                nodes.put(child, inode);
            }
        }
    }

    private static Map<String, String> fields(SquashfsReader image, Inode inode) {
        Inode.Attributes attributes = inode.attributes();
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("mode", "%04o".formatted(attributes.mode()));
        fields.put("uid", Long.toString(attributes.uid()));
        fields.put("gid", Long.toString(attributes.gid()));
        fields.put("mtime", Long.toString(attributes.modifiedAt()));
        switch (inode) {
            case Inode.Directory directory -> fields.put("type", "dir");
            case Inode.RegularFile file -> {
                fields.put("type", "file");
                fields.put("size", Long.toString(file.size()));
                fields.put("sha256", sha256(image.open(file)));
            }
            case Inode.SymbolicLink link -> {
                fields.put("type", "symlink");
                fields.put("link", link.target());
            }
            case Inode.BlockDevice device -> {
                fields.put("type", "block");
                fields.put("dev", device.major() + " " + device.minor());
            }
            case Inode.CharacterDevice device -> {
                fields.put("type", "char");
                fields.put("dev", device.major() + " " + device.minor());
            }
            case Inode.Pipe pipe -> fields.put("type", "fifo");
            case Inode.Socket socket -> fields.put("type", "socket");
        }
        putXattrs(fields, image.xattrs(inode));
        return fields;
    }

    /** The tree under a directory; of extended attributes only the user's. */
    static RootfsTree of(Path top) throws IOException {
        List<Path> paths;
        try (Stream<Path> walk = Files.walk(top)) {
            paths = walk.sorted(Comparator.comparing(path -> text(path, top))).toList();
        }
        Links groups = new Links();
        List<Line> lines = new ArrayList<>();
        Map<String, Object> keys = new HashMap<>();
        for (Path path : paths) {
            Map<String, Object> stat = Files.readAttributes(path, "unix:*", LinkOption.NOFOLLOW_LINKS);
            keys.put(text(path, top), stat.get("ino"));
            if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
                groups.add(stat.get("ino"), text(path, top));
            }
        }
        for (Path path : paths) {
            Map<String, String> fields = fields(path);
            groups.describe(keys.get(text(path, top)), fields);
            lines.add(new Line(text(path, top), fields, false));
        }
        return new RootfsTree(lines);
    }

    private static Map<String, String> fields(Path path) throws IOException {
        Map<String, Object> stat = Files.readAttributes(path, "unix:*", LinkOption.NOFOLLOW_LINKS);
        int mode = (int) stat.get("mode");
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("mode", "%04o".formatted(mode & 07777));
        fields.put("uid", stat.get("uid").toString());
        fields.put("gid", stat.get("gid").toString());
        fields.put("mtime", Long.toString(((FileTime) stat.get("lastModifiedTime")).toMillis() / 1000));
        long device = ((Number) stat.get("rdev")).longValue();
        String numbers = (device >> 8 & 0xfff) + " " + (device & 0xff | device >> 12 & 0xfff00);
        switch (mode & 0170000) {
            case 0040000 -> fields.put("type", "dir");
            case 0120000 -> {
                fields.put("type", "symlink");
                fields.put("link", Files.readSymbolicLink(path).toString());
            }
            case 0100000 -> {
                fields.put("type", "file");
                fields.put("size", Long.toString(Files.size(path)));
                fields.put("sha256", sha256(Files.newInputStream(path)));
            }
            case 0060000 -> {
                fields.put("type", "block");
                fields.put("dev", numbers);
            }
            case 0020000 -> {
                fields.put("type", "char");
                fields.put("dev", numbers);
            }
            case 0010000 -> fields.put("type", "fifo");
            case 0140000 -> fields.put("type", "socket");
            default -> throw new IOException("%s: mode %o".formatted(path, mode));
        }
        if (fields.get("type").matches("dir|file")) {
            putXattrs(fields, xattrs(path));
        }
        return fields;
    }

    private static Map<String, byte[]> xattrs(Path path) throws IOException {
        UserDefinedFileAttributeView view = Files.getFileAttributeView(path, UserDefinedFileAttributeView.class);
        Map<String, byte[]> xattrs = new LinkedHashMap<>();
        for (String name : view.list()) {
            ByteBuffer value = ByteBuffer.allocate(view.size(name));
            view.read(name, value);
            xattrs.put("user." + name, value.array());
        }
        return xattrs;
    }

    /** The tree that a {@code rootfs.jsonl} describes. */
    static RootfsTree parse(Path jsonl) throws IOException {
        List<Line> lines = new ArrayList<>();
        try (JsonParser parser = new JsonFactory().createParser(Files.newInputStream(jsonl))) {
            while (parser.nextToken() == JsonToken.START_OBJECT) {
                Map<String, String> fields = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    parser.nextToken();
                    fields.put(name, value(parser));
                }
                String encoded = fields.remove("path_b64");
                String path = encoded == null
                        ? fields.remove("path")
                        : text(Base64.getDecoder().decode(encoded));
                lines.add(new Line(path, fields, fields.containsKey("implied")));
            }
        }
        return new RootfsTree(lines);
    }

    /** Arrays become words, objects {@code name=value} words in the order of their names. */
    private static String value(JsonParser parser) throws IOException {
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            List<String> words = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                words.add(parser.getText());
            }
            return String.join(" ", words);
        }
        if (parser.currentToken() == JsonToken.START_OBJECT) {
            Map<String, String> members = new TreeMap<>();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                members.put(name, parser.getText());
            }
            return members.toString();
        }
        return parser.getText();
    }

    /** What is not as expected, a line each; fields that the expected tree does not give for a path are not compared. */
    static List<String> differences(RootfsTree expected, RootfsTree actual) {
        Map<String, Line> found = new TreeMap<>();
        actual.lines.forEach(line -> found.put(line.path(), line));
        List<String> differences = new ArrayList<>();
        for (Line want : expected.lines) {
            Line got = found.remove(want.path());
            if (got == null) {
                differences.add("missing " + want.path());
                continue;
            }
            for (String field : COMPARED) {
                boolean known = !want.implied() || field.equals("type");
                boolean meaningful =
                        !field.equals("mode") || !want.fields().get("type").equals("symlink");
                boolean given = want.fields().containsKey(field) || !field.equals("mtime");
                String wanted = want.fields().getOrDefault(field, "none");
                String is = got.fields().getOrDefault(field, "none");
                if (known && meaningful && given && !wanted.equals(is)) {
                    differences.add("%s of %s: want %s, got %s".formatted(field, want.path(), wanted, is));
                }
            }
        }
        found.keySet().forEach(path -> differences.add("extra " + path));
        return differences;
    }

    /** Hard links: how many names a file has, and the first of them. */
    private static final class Links {
        private final Map<Object, List<String>> groups = new HashMap<>();

        private void add(Object file, String path) {
            groups.computeIfAbsent(file, key -> new ArrayList<>()).add(path);
        }

        private void describe(Object file, Map<String, String> fields) {
            List<String> names = groups.getOrDefault(file, List.of());
            if (names.size() > 1) {
                fields.put("nlink", Integer.toString(names.size()));
                fields.put("hard", names.getFirst());
            }
        }
    }

    private static void putXattrs(Map<String, String> fields, Map<String, byte[]> xattrs) {
        if (!xattrs.isEmpty()) {
            Map<String, String> encoded = new TreeMap<>();
            xattrs.forEach(
                    (name, value) -> encoded.put(name, Base64.getEncoder().encodeToString(value)));
            fields.put("xattrs", encoded.toString());
        }
    }

    private static String text(Path path, Path top) {
        return "/" + top.relativize(path);
    }

    private static String text(byte[] path) {
        return new String(path, StandardCharsets.UTF_8);
    }

    static String sha256(InputStream bytes) {
        try (DigestInputStream in = new DigestInputStream(bytes, MessageDigest.getInstance("SHA-256"))) {
            byte[] buffer = new byte[1 << 16];
            while (in.read(buffer) >= 0) {
                // The stream digests what it gives.
            }
            return HexFormat.of().formatHex(in.getMessageDigest().digest());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
