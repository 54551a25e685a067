import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import org.berth.convert.Compression;
import org.berth.convert.ConvertOptions;
import org.berth.convert.Converter;
import org.berth.convert.Limits;
import org.berth.convert.OciLayout;

/** Converts an OCI layout: {@code ConvertLayout LAYOUT OUT zstd|gzip LEVEL THREADS check|ignore}. */
public final class ConvertLayout {
    private ConvertLayout() {}

    public static void main(String[] args) throws Exception {
        OciLayout layout = OciLayout.open(Path.of(args[0]));
        var options = new ConvertOptions(
                Compression.valueOf(args[2].toUpperCase()),
                Integer.parseInt(args[3]),
                Instant.ofEpochSecond(1704164645),
                Limits.DEFAULT,
                Integer.parseInt(args[4]),
                ConvertOptions.DiffIds.valueOf(args[5].toUpperCase()));
        try (FileChannel out = FileChannel.open(
                Path.of(args[1]),
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            System.out.println(Converter.convert(layout.layers(), layout.diffIds(), layout, List.of(), options, out, 0));
        }
    }
}
