import org.berth.oci.ImageLimits;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import org.berth.convert.Compression;
import org.berth.convert.ConvertOptions;
import org.berth.convert.Converter;
import org.berth.convert.OciLayout;
import org.berth.oci.LayerSource;

/**
 * Converts the image of an OCI layout and prints what came of it.
 *
 * <p>{@code ConvertLayout LAYOUT OUT zstd|gzip LEVEL THREADS check|ignore [BYTES-PER-SECOND]}: with a rate, all layers
 * together come no faster than that, as from a slow network, and the time from the last byte to the end is printed.
 */
public final class ConvertLayout {
    private ConvertLayout() {}

    public static void main(String[] args) throws IOException {
        OciLayout layout = OciLayout.open(Path.of(args[0]));
        var options = new ConvertOptions(
                Compression.valueOf(args[2].toUpperCase(Locale.ROOT)),
                Integer.parseInt(args[3]),
                Instant.ofEpochSecond(1_704_164_645),
                ImageLimits.DEFAULTS,
                Integer.parseInt(args[4]),
                ConvertOptions.DiffIds.valueOf(args[5].toUpperCase(Locale.ROOT)));
        var line = new Line(args.length > 6 ? Long.parseLong(args[6]) : Long.MAX_VALUE);
        LayerSource source = blob -> line.through(layout.open(blob));
        try (FileChannel out = FileChannel.open(
                Path.of(args[1]),
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            var result = Converter.convert(layout.layers(), layout.diffIds(), source, List.of(), options, out, 0);
            long after = System.nanoTime() - line.lastByte;
            System.out.println(result);
            System.out.println("milliseconds after the last byte: " + after / 1_000_000);
        }
    }

    /** A network of that many bytes a second, shared by all who read. */
    private static final class Line {
        private final long rate;
        private final long start = System.nanoTime();
        private long bytes;
        volatile long lastByte = start;

        Line(long rate) {
            this.rate = rate;
        }

        InputStream through(InputStream in) {
            return new FilterInputStream(in) {
                @Override
                public int read(byte[] out, int from, int length) throws IOException {
                    int n = in.read(out, from, Math.min(length, 1 << 16));
                    if (n > 0) {
                        pass(n);
                        lastByte = System.nanoTime();
                    }
                    return n;
                }
            };
        }

        private void pass(int n) throws IOException {
            long due;
            synchronized (this) {
                bytes += n;
                due = rate == Long.MAX_VALUE ? 0 : start + (long) (bytes * 1e9 / rate);
            }
            long wait = due - System.nanoTime();
            if (rate != Long.MAX_VALUE && wait > 0) {
                try {
                    Thread.sleep(wait / 1_000_000, (int) (wait % 1_000_000));
                } catch (InterruptedException e) {
                    throw new InterruptedIOException();
                }
            }
        }
    }
}
