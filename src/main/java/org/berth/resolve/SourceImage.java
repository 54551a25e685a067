package org.berth.resolve;

import java.util.Optional;
import org.berth.oci.Digest;
import org.berth.oci.ImageConfig;
import org.berth.oci.Manifest;

/**
 * An image that was found, wherever it is, with its documents read and verified.
 *
 * @param agent the word for its source in definition files: {@code docker}, {@code oci-archive}, …
 * @param from the image as the user named it, without the scheme
 * @param name its full name, if it has one that others know, too
 * @param digest of what the user named: of an index or manifest, or of the configuration where there are none
 */
public record SourceImage(
        String agent, String from, Optional<String> name, Digest digest, Manifest manifest, ImageConfig config) {}
