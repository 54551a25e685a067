package org.berth.oci;

/** Told how the blobs of an image arrive; called from several threads at once. */
public interface Progress {
    /** For those who do not want to know. */
    Progress NONE = new Progress() {
        @Override
        public void start(Descriptor blob) {}

        @Override
        public void bytes(Descriptor blob, long count) {}

        @Override
        public void done(Descriptor blob) {}
    };

    /** A blob is asked for; one that is in the cache already is never started. */
    void start(Descriptor blob);

    /** So many further bytes have come. */
    void bytes(Descriptor blob, long count);

    /** The blob is complete and verified. */
    void done(Descriptor blob);

    /**
     * Another process fetches a blob, and this one waits for it, or takes over.
     *
     * @param sentence for the user
     */
    default void waits(String sentence) {}
}
