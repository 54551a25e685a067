package org.berth.archive;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.berth.oci.BoundedInputStream;

/**
 * One GET and its answer by HTTP/1.1 (RFC 9112) on a connection of its own; the JDK's client cannot talk to unix sockets.
 *
 * @param body ends where the answer ends; an answer that is cut off is an exception
 */
record DaemonAnswer(int status, InputStream body, SocketChannel channel) implements AutoCloseable {
    private static final int MAX_HEAD = 1 << 16;

    /** A daemon that saves a large image may think for long, but not without end. */
    private static final long STALLED_NANOS = 300_000_000_000L;

    private static final long LOOK_MILLIS = 5_000;

    /** The daemon was reached, but what it says is no answer. */
    static final class BrokenAnswer extends IOException {
        BrokenAnswer(String message) {
            super(message);
        }
    }

    static DaemonAnswer get(DaemonAddress address, String path) throws IOException {
        SocketChannel channel = address.connect();
        boolean kept = false;
        try {
            String request =
                    "GET %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: berth\r\nAccept: */*\r\nConnection: close\r\n\r\n"
                            .formatted(path);
            ByteBuffer bytes = ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            InputStream in = new BufferedInputStream(new Watched(channel), 1 << 16);
            String head = head(in);
            int status = status(head);
            DaemonAnswer answer = new DaemonAnswer(status, body(in, head), channel);
            kept = true;
            return answer;
        } finally {
            if (!kept) {
                channel.close();
            }
        }
    }

    private static String head(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        int last = 0;
        while ((last & 0xffff) != ('\n' << 8 | '\n')) {
            int b = in.read();
            if (b < 0 || head.size() > MAX_HEAD) {
                throw new BrokenAnswer("it does not answer in HTTP");
            }
            if (b != '\r') {
                last = last << 8 | b;
                head.write(b);
            }
        }
        return head.toString(StandardCharsets.ISO_8859_1);
    }

    private static int status(String head) throws BrokenAnswer {
        String first = head.lines().findFirst().orElse("");
        if (!first.matches("HTTP/1\\.[01] [0-9]{3}( .*)?")) {
            throw new BrokenAnswer("it does not answer in HTTP");
        }
        return Integer.parseInt(first.substring(9, 12));
    }

    private static InputStream body(InputStream in, String head) throws BrokenAnswer {
        if (field(head, "transfer-encoding")
                .map(value -> value.toLowerCase(Locale.ROOT))
                .equals(Optional.of("chunked"))) {
            return new Chunked(in);
        }
        Optional<String> length = field(head, "content-length");
        if (length.isEmpty()) {
            return in;
        }
        if (!length.orElseThrow().matches("[0-9]{1,18}")) {
            throw new BrokenAnswer("an answer without a length");
        }
        return new Counted(in, Long.parseLong(length.orElseThrow()));
    }

    private static Optional<String> field(String head, String name) {
        return head.lines()
                .skip(1)
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name + ":"))
                .map(line -> line.substring(name.length() + 1).strip())
                .findFirst();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    /** A connection that is closed when nothing has come for long: a read on it cannot be given a time limit. */
    private static final class Watched extends FilterInputStream {
        private final AtomicLong heard = new AtomicLong(System.nanoTime());

        Watched(SocketChannel channel) {
            super(Channels.newInputStream(channel));
            Thread.ofVirtual().start(() -> watch(channel));
        }

        private void watch(SocketChannel channel) {
            try {
                while (channel.isOpen()) {
                    if (System.nanoTime() - heard.get() > STALLED_NANOS) {
                        channel.close();
                    }
                    Thread.sleep(LOOK_MILLIS);
                }
            } catch (InterruptedException | IOException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            try {
                int count = super.read(buffer, offset, length);
                heard.set(System.nanoTime());
                return count;
            } catch (ClosedChannelException e) {
                throw new BrokenAnswer("it has said nothing for %d s".formatted(STALLED_NANOS / 1_000_000_000L));
            }
        }
    }

    /** A body of known length. */
    private static class Counted extends BoundedInputStream {
        Counted(InputStream in, long length) {
            super(in, length);
        }

        @Override
        protected int cut() throws IOException {
            throw new BrokenAnswer("its answer was cut off");
        }
    }

    /** A body in chunks, each with its length in hexadecimal digits before it; the last one is empty. */
    private static final class Chunked extends Counted {
        private boolean first = true;
        private boolean ended;

        Chunked(InputStream in) {
            super(in, 0);
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (left() == 0 && !ended) {
                String line = line();
                if (!first && line.isEmpty()) {
                    line = line();
                }
                first = false;
                String digits = line.split(";", 2)[0].strip();
                if (!digits.matches("[0-9a-fA-F]{1,15}")) {
                    throw new BrokenAnswer("its answer was cut off");
                }
                setLeft(Long.parseLong(digits, 16));
                ended = left() == 0;
            }
            return super.read(buffer, offset, length);
        }

        private String line() throws IOException {
            StringBuilder line = new StringBuilder();
            for (int b = in.read(); b != '\n'; b = in.read()) {
                if (b < 0 || line.length() > MAX_HEAD) {
                    throw new BrokenAnswer("its answer was cut off");
                }
                if (b != '\r') {
                    line.append((char) b);
                }
            }
            return line.toString();
        }
    }
}
