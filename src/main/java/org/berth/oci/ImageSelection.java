package org.berth.oci;

import java.util.Optional;
import org.berth.error.ImageException;

/** Finds the manifest for a platform in an index, and in the indexes that it lists. */
public final class ImageSelection {
    /** Real ones have two. */
    private static final int MAX_DEPTH = 5;

    private static final int MAX_DOCUMENTS = 32;

    private ImageSelection() {}

    /** Reads a manifest or an index, verified. */
    public interface Documents {
        ManifestDocument read(Descriptor document);
    }

    /**
     * The first manifest that serves the platform.
     *
     * @param what the image's name in messages
     * @throws ImageException if indexes are nested without end
     */
    public static Optional<Manifest> select(ManifestDocument top, Platform platform, Documents documents, String what) {
        return select(top, platform, documents, what, new Budget(), 0);
    }

    private static final class Budget {
        private int documents = MAX_DOCUMENTS;
    }

    private static Optional<Manifest> select(
            ManifestDocument document, Platform platform, Documents documents, String what, Budget budget, int depth) {
        return switch (document) {
            case Manifest manifest -> Optional.of(manifest);
            case Index index -> {
                for (Descriptor candidate : Platforms.candidates(index, platform)) {
                    if (depth == MAX_DEPTH || budget.documents-- == 0) {
                        throw new ImageException("%s: indexes in indexes, more than %d deep or %d in all"
                                .formatted(what, MAX_DEPTH, MAX_DOCUMENTS));
                    }
                    Optional<Manifest> found =
                            select(documents.read(candidate), platform, documents, what, budget, depth + 1);
                    if (found.isPresent()) {
                        yield found;
                    }
                }
                yield Optional.empty();
            }
        };
    }

    /** What to say when there is none. */
    public static ImageException noChild(Index index, Platform platform, String what) {
        return new ImageException("no child with platform %s in index %s".formatted(platform, what))
                .hint("it offers: " + Platforms.offered(index).replaceAll("\\p{Cntrl}", "?"));
    }
}
