package org.berth.config;

import java.net.URI;
import java.net.URISyntaxException;
import org.berth.error.UsageException;

/** The address of a library: a web address, below which its interface is ({@code /v1/images/…}). */
public final class LibraryAddress {
    private LibraryAddress() {}

    /** @throws UsageException if the text is no such address */
    public static URI of(String text) {
        try {
            URI address = new URI(text.replaceFirst("/+$", ""));
            String scheme = String.valueOf(address.getScheme());
            boolean plain =
                    address.getUserInfo() == null && address.getQuery() == null && address.getFragment() == null;
            if ((scheme.equals("https") || scheme.equals("http")) && address.getHost() != null && plain) {
                return address;
            }
        } catch (URISyntaxException e) {
            throw new UsageException("'%s' is not the address of a library: %s".formatted(text, e.getReason()), e)
                    .hint("it looks like https://library.example.org");
        }
        throw new UsageException("'%s' is not the address of a library".formatted(text))
                .hint("it looks like https://library.example.org");
    }
}
