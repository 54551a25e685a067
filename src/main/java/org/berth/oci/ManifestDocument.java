package org.berth.oci;

/** What a registry answers when asked for a manifest: one image's manifest, or an index of several. */
public sealed interface ManifestDocument permits Manifest, Index {
    /** The digest of the bytes as received. */
    Digest digest();
}
