package org.berth.resolve;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.berth.oci.Descriptor;
import org.berth.oci.LayerSource;
import org.berth.oci.Progress;

/** A source whose readers are seen to advance. */
record ShownSource(LayerSource source, Progress progress) implements LayerSource {
    @Override
    public InputStream open(Descriptor blob) throws IOException {
        InputStream in = source.open(blob);
        progress.start(blob);
        return new Counted(in, blob, progress);
    }

    private static final class Counted extends FilterInputStream {
        private final Descriptor blob;
        private final Progress progress;

        Counted(InputStream in, Descriptor blob, Progress progress) {
            super(in);
            this.blob = blob;
            this.progress = progress;
        }

        @Override
        public int read() throws IOException {
            int b = super.read();
            tell(b < 0 ? -1 : 1);
            return b;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int count = super.read(buffer, offset, length);
            tell(count);
            return count;
        }

        private void tell(int count) {
            if (count < 0) {
                progress.done(blob);
            } else {
                progress.bytes(blob, count);
            }
        }
    }
}
