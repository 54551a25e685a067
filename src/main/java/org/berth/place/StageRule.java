package org.berth.place;

import org.berth.config.PlaceSettings;

/** Whether the nodes of a step copy an image to themselves, or mount it where it is. */
public final class StageRule {
    private StageRule() {}

    /**
     * A file server is no match for the page faults of many nodes; a parallel file system is, up to some number.
     *
     * @param nature of the file system that the image is on
     * @param bytes of the image
     * @param nodes of the step
     */
    public static boolean applies(PlaceSettings site, Nature nature, long bytes, int nodes) {
        if (site.stagePaths().isEmpty()) {
            return false;
        }
        return switch (site.staging()) {
            case NEVER -> false;
            case ALWAYS -> true;
            case AUTO ->
                switch (nature) {
                    case LOCAL, MEMORY -> false;
                    case NETWORK -> true;
                    case PARALLEL ->
                        nodes >= site.stageNodes() || bytes >= site.stageBytes().orElse(Long.MAX_VALUE);
                };
        };
    }
}
