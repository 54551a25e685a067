package org.berth.archive;

import org.berth.oci.Digest;
import org.berth.oci.ImageConfig;
import org.berth.oci.LayerSource;
import org.berth.oci.Manifest;

/**
 * An image in an archive or a layout, whose manifest and configuration have been read and verified.
 *
 * @param digest names the content: of the manifest, or of the configuration where there is no manifest
 * @param layers good for as long as the {@link StoredFiles} that it was read from are open
 */
public record StoredImage(Digest digest, Manifest manifest, ImageConfig config, LayerSource layers) {}
