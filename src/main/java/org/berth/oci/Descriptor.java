package org.berth.oci;

import java.util.Map;
import org.berth.error.ImageException;

/**
 * A reference to content by digest (OCI image specification, descriptor.md).
 *
 * @param mediaType as written in the manifest; empty if the manifest gives none
 * @param size bytes of the referenced content, at least 0
 */
public record Descriptor(String mediaType, Digest digest, long size, Map<String, String> annotations) {
    public Descriptor {
        if (size < 0) {
            throw new ImageException("descriptor %s: size %d is negative".formatted(digest, size));
        }
        annotations = Map.copyOf(annotations);
    }
}
