package org.berth.registry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.berth.error.UsageException;

/**
 * The proxies of the usual variables.
 *
 * @param http for http URLs
 * @param https for https URLs
 * @param exempt hosts and domains that are reached directly, in lower case; {@code *} means all
 */
public record Proxies(Optional<InetSocketAddress> http, Optional<InetSocketAddress> https, List<String> exempt) {
    public static final Proxies NONE = new Proxies(Optional.empty(), Optional.empty(), List.of());

    public Proxies {
        exempt = List.copyOf(exempt);
    }

    /**
     * Reads {@code http_proxy}, {@code https_proxy}, {@code all_proxy} and {@code no_proxy}, in lower case before upper
     * case.
     *
     * @param environment a variable's value by its name
     * @throws UsageException if a proxy's address is not a URL with a host
     */
    public static Proxies of(Function<String, Optional<String>> environment) {
        return new Proxies(
                proxy(environment, "http_proxy"),
                proxy(environment, "https_proxy"),
                value(environment, "no_proxy").stream()
                        .flatMap(list -> Stream.of(list.split(",")))
                        .map(entry -> entry.strip().toLowerCase(Locale.ROOT))
                        .filter(entry -> !entry.isEmpty())
                        .toList());
    }

    private static Optional<InetSocketAddress> proxy(Function<String, Optional<String>> environment, String name) {
        return value(environment, name)
                .or(() -> value(environment, "all_proxy"))
                .map(text -> address(name, text));
    }

    private static Optional<String> value(Function<String, Optional<String>> environment, String name) {
        return environment
                .apply(name)
                .or(() -> environment.apply(name.toUpperCase(Locale.ROOT)))
                .filter(text -> !text.isBlank());
    }

    private static InetSocketAddress address(String name, String text) {
        try {
            URI uri = URI.create(text.contains("://") ? text : "http://" + text);
            if (uri.getHost() != null && "http".equals(uri.getScheme())) {
                return InetSocketAddress.createUnresolved(uri.getHost(), uri.getPort() < 0 ? 80 : uri.getPort());
            }
        } catch (IllegalArgumentException e) {
            throw new UsageException("%s: not an address of a proxy".formatted(name), e);
        }
        throw new UsageException("%s: not the address of an HTTP proxy (http://host:port)".formatted(name));
    }

    /** The proxy for a URL; loopback addresses are always reached directly. */
    Optional<InetSocketAddress> forUri(URI uri) {
        String host = Optional.ofNullable(uri.getHost()).orElse("").toLowerCase(Locale.ROOT);
        boolean loopback = host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]");
        if (loopback || exempt.stream().anyMatch(entry -> covers(entry, host, uri.getPort()))) {
            return Optional.empty();
        }
        return "https".equals(uri.getScheme()) ? https : http;
    }

    private static boolean covers(String entry, String host, int port) {
        String name = entry.startsWith("*.") ? entry.substring(1) : entry;
        String domain = name.startsWith(".") ? name : "." + name;
        return entry.equals("*") || host.equals(name) || (host + ":" + port).equals(name) || host.endsWith(domain);
    }

    /** This as the JDK's client takes it. */
    public ProxySelector selector() {
        return new ProxySelector() {
            @Override
            public List<Proxy> select(URI uri) {
                return forUri(uri)
                        .map(address -> new Proxy(
                                Proxy.Type.HTTP, new InetSocketAddress(address.getHostString(), address.getPort())))
                        .map(List::of)
                        .orElse(List.of(Proxy.NO_PROXY));
            }

            @Override
            public void connectFailed(URI uri, SocketAddress address, IOException failure) {}
        };
    }
}
