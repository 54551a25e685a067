package org.berth.registry;

import org.berth.oci.Digest;
import org.berth.oci.ImageConfig;
import org.berth.oci.ImageReference;
import org.berth.oci.Manifest;

/**
 * An image whose manifest and configuration have been read and verified.
 *
 * @param digest of what the reference names: of the index if it names one, else of the manifest
 */
public record ResolvedImage(ImageReference reference, Digest digest, Manifest manifest, ImageConfig config) {}
