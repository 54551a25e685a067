package org.berth.sif;

import java.time.Instant;
import java.util.UUID;

/**
 * What makes one image differ from another of the same content.
 *
 * @param time Unix seconds of the image and its objects, or {@link SifHeader#NO_TIME}
 */
public record SifIdentity(UUID id, long time) {
    /** No id and no times: the same objects give the same file. */
    public static final SifIdentity DETERMINISTIC = new SifIdentity(SifHeader.NO_ID, SifHeader.NO_TIME);

    /** A fresh id. */
    public static SifIdentity fresh(Instant now) {
        return new SifIdentity(UUID.randomUUID(), now.getEpochSecond());
    }

    /** No id but a given time, as {@code SOURCE_DATE_EPOCH} asks for. */
    public static SifIdentity at(Instant time) {
        return new SifIdentity(SifHeader.NO_ID, time.getEpochSecond());
    }
}
