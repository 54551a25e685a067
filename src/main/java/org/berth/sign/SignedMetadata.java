package org.berth.sign;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.berth.error.ImageException;
import org.berth.json.JsonObject;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;

/**
 * What a signature signs: digests of the header, and of descriptor and bytes of each object.
 *
 * @param header digest of the parts of the header that do not change
 * @param objects by their relative ids
 */
record SignedMetadata(String header, List<ObjectDigests> objects) {
    private static final long VERSION = 1;

    SignedMetadata {
        objects = List.copyOf(objects);
    }

    /**
     * The digests of one object, as {@code sha256:HEX}.
     *
     * @param relativeId the object's id minus the smallest id in its group
     */
    record ObjectDigests(long relativeId, String descriptor, String object) {}

    /** The digests of these objects of a file; reads them all. */
    static SignedMetadata of(SifFile file, int smallestId, List<SifDescriptor> objects) {
        DigestAlgorithm sha256 = DigestAlgorithm.SHA256;
        return new SignedMetadata(
                sha256.text(file.header().signedFields()),
                objects.stream()
                        .map(object -> new ObjectDigests(
                                object.id() - smallestId,
                                sha256.text(object.signedFields(object.id() - smallestId)),
                                sha256.text(file, object)))
                        .toList());
    }

    /** Compact JSON with the keys in Apptainer's order. */
    byte[] json() {
        return objects.stream()
                .map(object -> "{\"relativeId\":%d,\"descriptorDigest\":\"%s\",\"objectDigest\":\"%s\"}"
                        .formatted(object.relativeId, object.descriptor, object.object))
                .collect(Collectors.joining(
                        ",",
                        "{\"version\":%d,\"header\":{\"digest\":\"%s\"},\"objects\":[".formatted(VERSION, header),
                        "]}"))
                .getBytes(StandardCharsets.UTF_8);
    }

    /** @throws ImageException if this is no metadata of that version */
    static SignedMetadata parse(byte[] json) {
        JsonObject document = JsonObject.parse(json, "the signed metadata");
        if (document.integer("version").orElse(0L) != VERSION) {
            throw new ImageException("its metadata is not of version " + VERSION);
        }
        return new SignedMetadata(
                document.object("header")
                        .flatMap(header -> header.text("digest"))
                        .orElse(""),
                document.array("objects").stream().map(SignedMetadata::digests).toList());
    }

    private static ObjectDigests digests(JsonNode value) {
        JsonObject object = JsonObject.of(value)
                .orElseThrow(() -> new ImageException("its metadata holds something that is no object"));
        return new ObjectDigests(
                object.integer("relativeId").orElse(-1L),
                object.text("descriptorDigest").orElse(""),
                object.text("objectDigest").orElse(""));
    }

    /** The digests of the object with that id, if it is signed. */
    Optional<ObjectDigests> signed(int id, int smallestId) {
        return objects.stream()
                .filter(object -> object.relativeId == (long) id - smallestId)
                .findFirst();
    }
}
