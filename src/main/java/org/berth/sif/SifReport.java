package org.berth.sif;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** What {@code sif list}, {@code sif header} and {@code sif info} print, in Apptainer's layout. */
public final class SifReport {
    private static final String RULE = "-".repeat(78) + "\n";
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss '+0000 UTC'").withZone(ZoneOffset.UTC);

    private SifReport() {}

    /** The table of objects. */
    public static String list(SifFile file) {
        StringBuilder out = new StringBuilder(RULE)
                .append("%-4s %-8s %-8s %-26s %s\n"
                        .formatted("ID", "|GROUP", "|LINK", "|SIF POSITION (start-end)", "|TYPE"))
                .append(RULE);
        for (SifDescriptor object : file.descriptors()) {
            String link = switch (object.link()) {
                case Link.None() -> "NONE";
                case Link.ToObject(int id) -> Integer.toUnsignedString(id);
                case Link.ToGroup(int group) -> "%-3d (G)".formatted(group);
            };
            out.append("%-4s |%-7s |%-7s %-26s |%s\n"
                    .formatted(
                            Integer.toUnsignedString(object.id()),
                            object.group() == 0 ? "NONE" : object.group(),
                            link,
                            "|%d-%d ".formatted(object.offset(), object.end()),
                            typeWithDetails(object)));
        }
        return out.toString();
    }

    private static String typeWithDetails(SifDescriptor object) {
        String type = object.type().word();
        return switch (object.type()) {
            case PARTITION ->
                object.partition()
                        .map(part -> "%s (%s/%s/%s)"
                                .formatted(
                                        type,
                                        part.fileSystem().word(),
                                        part.type().word(),
                                        part.architecture().word()))
                        .orElse(type);
            case SIGNATURE ->
                object.signature()
                        .map(signature ->
                                "%s (%s)".formatted(type, signature.hash().word()))
                        .orElse(type);
            case CRYPTO_MESSAGE ->
                object.cryptoMessage()
                        .map(message -> "%s (%s/%s)"
                                .formatted(
                                        type,
                                        message.format().word(),
                                        message.message().word()))
                        .orElse(type);
            case SBOM ->
                object.sbom()
                        .map(format -> "%s (%s)".formatted(type, format.word()))
                        .orElse(type);
            case DEFINITION, ENVIRONMENT, LABELS, GENERIC_JSON, GENERIC, OCI_ROOT_INDEX, OCI_BLOB, UNKNOWN -> type;
        };
    }

    /** The global header; what is not set is left out. */
    public static String header(SifFile file) {
        SifHeader header = file.header();
        Map<String, String> rows = new LinkedHashMap<>();
        String launch = header.launch().text();
        if (!launch.isEmpty()) {
            rows.put("Launch Script:", printable(launch.stripTrailing()));
        }
        rows.put("Version:", header.version().text());
        if (header.architecture() != Architecture.UNKNOWN) {
            rows.put("Primary Architecture:", header.architecture().word());
        }
        if (!header.id().equals(SifHeader.NO_ID)) {
            rows.put("ID:", header.id().toString());
        }
        putTime(rows, "Created At:", header.createdAt());
        putTime(rows, "Modified At:", header.modifiedAt());
        rows.put("Descriptors Free:", Long.toString(header.descriptorsFree()));
        rows.put("Descriptors Total:", Long.toString(header.descriptorsTotal()));
        rows.put("Descriptors Offset:", Long.toString(header.descriptorsOffset()));
        rows.put("Descriptors Size:", size(header.descriptorsSize()));
        rows.put("Data Offset:", Long.toString(header.dataOffset()));
        rows.put("Data Size:", size(header.dataSize()));
        return aligned(rows, "", 1);
    }

    /** All that is known of one object. */
    public static String info(SifDescriptor object) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("Data Type:", object.type().word());
        rows.put("ID:", Integer.toUnsignedString(object.id()));
        rows.put("Group ID:", object.group() == 0 ? "NONE" : Integer.toString(object.group()));
        rows.put(
                "Linked ID:",
                switch (object.link()) {
                    case Link.None() -> "NONE";
                    case Link.ToObject(int id) -> Integer.toUnsignedString(id);
                    case Link.ToGroup(int group) -> group + " (G)";
                });
        rows.put("Offset:", Long.toString(object.offset()));
        rows.put("Size:", Long.toString(object.size()));
        putTime(rows, "Created At:", object.createdAt());
        putTime(rows, "Modified At:", object.modifiedAt());
        if (!object.name().text().isEmpty()) {
            rows.put("Name:", printable(object.name().text()));
        }
        object.partition().ifPresent(partition -> {
            rows.put("Filesystem Type:", partition.fileSystem().word());
            rows.put("Partition Type:", partition.type().word());
            rows.put("Architecture:", partition.architecture().word());
        });
        object.signature().ifPresent(signature -> {
            rows.put("Hash Type:", signature.hash().word());
            signature.fingerprint().ifPresent(fingerprint -> rows.put("Entity:", fingerprint));
        });
        object.cryptoMessage().ifPresent(message -> {
            rows.put("Format Type:", message.format().word());
            rows.put("Message Type:", message.message().word());
        });
        object.sbom().ifPresent(format -> rows.put("Format:", format.word()));
        object.digest().ifPresent(digest -> rows.put("Digest:", printable(digest)));
        return aligned(rows, "  ", 2);
    }

    private static String aligned(Map<String, String> rows, String indent, int gap) {
        int width = rows.keySet().stream().mapToInt(String::length).max().orElse(0) + gap;
        return rows.entrySet().stream()
                .map(row ->
                        indent + row.getKey() + " ".repeat(width - row.getKey().length()) + row.getValue() + "\n")
                .collect(Collectors.joining());
    }

    private static void putTime(Map<String, String> rows, String label, long seconds) {
        if (seconds != SifHeader.NO_TIME) {
            rows.put(label, time(seconds));
        }
    }

    private static String time(long seconds) {
        try {
            return TIME.format(Instant.ofEpochSecond(seconds));
        } catch (DateTimeException e) {
            // A number that is no date, which only a damaged file has.
            return seconds + " seconds since 1970";
        }
    }

    /** Whole units, rounded: {@code 27 KiB}. */
    static String size(long bytes) {
        if (-1024 < bytes && bytes < 1024) {
            return bytes + " B";
        }
        int unit = 0;
        double divisor = 1024;
        for (long rest = bytes / 1024; rest <= -1024 || rest >= 1024; rest /= 1024) {
            divisor *= 1024;
            unit++;
        }
        return "%d %ciB".formatted(Math.round(bytes / divisor), "KMGTPE".charAt(unit));
    }

    /** A name from an untrusted file may not move the cursor. */
    private static String printable(String text) {
        return text.codePoints()
                .map(c -> Character.isISOControl(c) ? '?' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
