package org.berth.archive;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.berth.error.UsageException;

/**
 * Where a Docker daemon listens: {@code unix:///PATH} or {@code tcp://HOST:PORT}.
 *
 * @param text as the user gave it, for messages
 */
public record DaemonAddress(String text, Target target) {
    public static final String DEFAULT = "unix:///var/run/docker.sock";

    private static final int CONNECT_MILLIS = 10_000;
    private static final int DEFAULT_PORT = 2375;

    /** The kinds of address. */
    public sealed interface Target {
        record Socket(Path path) implements Target {}

        record Network(String host, int port) implements Target {}
    }

    /** @throws UsageException if it is no address, or one that is not supported */
    public static DaemonAddress parse(String text) {
        if (text.startsWith("unix://") && text.length() > "unix://".length()) {
            try {
                return new DaemonAddress(text, new Target.Socket(Path.of(text.substring("unix://".length()))));
            } catch (InvalidPathException e) {
                throw unknown(text);
            }
        }
        if (text.startsWith("tcp://") || text.startsWith("http://")) {
            try {
                URI uri = new URI(text);
                if (uri.getHost() != null) {
                    int port = uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort();
                    return new DaemonAddress(text, new Target.Network(uri.getHost(), port));
                }
            } catch (URISyntaxException e) {
                throw unknown(text);
            }
        }
        throw unknown(text);
    }

    private static UsageException unknown(String text) {
        return new UsageException("unable to parse docker host `%s`".formatted(text))
                .hint("unix:///PATH and tcp://HOST:PORT (without TLS) are known");
    }

    SocketChannel connect() throws IOException {
        return switch (target) {
            case Target.Socket(Path path) -> {
                SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                yield connected(channel, () -> channel.connect(UnixDomainSocketAddress.of(path)));
            }
            case Target.Network(String host, int port) -> {
                SocketChannel channel = SocketChannel.open();
                yield connected(
                        channel, () -> channel.socket().connect(new InetSocketAddress(host, port), CONNECT_MILLIS));
            }
        };
    }

    private interface Connecting {
        void connect() throws IOException;
    }

    private static SocketChannel connected(SocketChannel channel, Connecting connecting) throws IOException {
        boolean done = false;
        try {
            connecting.connect();
            done = true;
            return channel;
        } catch (UnresolvedAddressException e) {
            throw new IOException("no such host", e);
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }
}
