package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import org.berth.error.UsageException;
import org.junit.jupiter.api.Test;

class ProxiesTest {
    private static Proxies of(Map<String, String> variables) {
        return Proxies.of(name -> Optional.ofNullable(variables.get(name)));
    }

    private static String chosen(Proxies proxies, String uri) {
        return proxies.forUri(URI.create(uri)).map(InetSocketAddress::toString).orElse("direct");
    }

    @Test
    void schemeChoosesTheProxyAndExemptHostsGoDirectly() {
        Proxies proxies = of(Map.of(
                "https_proxy",
                "http://proxy:3128/",
                "HTTP_PROXY",
                "plain",
                "no_proxy",
                "quay.io, .site.org,10.0.0.1:5000"));
        assertEquals("proxy/<unresolved>:3128", chosen(proxies, "https://docker.io/v2/"));
        assertEquals("plain/<unresolved>:80", chosen(proxies, "http://docker.io/v2/"));
        assertEquals("direct", chosen(proxies, "https://quay.io/v2/"));
        assertEquals("direct", chosen(proxies, "https://cdn.quay.io/v2/"));
        assertEquals("direct", chosen(proxies, "https://a.site.org/v2/"));
        assertEquals("direct", chosen(proxies, "http://10.0.0.1:5000/v2/"));
        assertEquals("direct", chosen(proxies, "http://127.0.0.1:5000/v2/"));
        assertEquals("proxy/<unresolved>:3128", chosen(proxies, "https://notquay.io/"));
    }

    @Test
    void withoutVariablesAllIsDirect() {
        assertEquals("direct", chosen(of(Map.of("http_proxy", " ")), "http://x/"));
    }

    @Test
    void anAddressThatIsNoProxyIsRefused() {
        assertThrows(UsageException.class, () -> of(Map.of("https_proxy", "socks5://x:1")));
        assertThrows(UsageException.class, () -> of(Map.of("https_proxy", "a b")));
    }
}
