package org.berth.sign;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.berth.error.ImageException;
import org.berth.json.JsonObject;

/**
 * A DSSE envelope (Dead Simple Signing Envelope, protocol version 1) that holds signed metadata.
 *
 * @param payload the metadata
 * @param signatures over {@link #signedBytes}; one that is accepted is enough
 */
record Dsse(byte[] payload, List<byte[]> signatures) {
    /** How many signatures of one message are looked at. */
    static final int MAX_SIGNATURES = 16;

    private static final String PAYLOAD_TYPE = "application/vnd.sylabs.sif-metadata+json";

    Dsse {
        signatures = List.copyOf(signatures);
    }

    /** The envelope in these bytes; empty if they are none, or one for something else. */
    static Optional<Dsse> parse(byte[] bytes) {
        try {
            JsonObject envelope = JsonObject.parse(bytes, "the signature");
            if (!envelope.text("payloadType").orElse("").equals(PAYLOAD_TYPE)) {
                return Optional.empty();
            }
            return Optional.of(new Dsse(
                    decoded(envelope.text("payload").orElse("")),
                    envelope.array("signatures").stream().map(Dsse::signature).toList()));
        } catch (ImageException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static byte[] signature(JsonNode value) {
        return JsonObject.of(value)
                .map(signature -> decoded(signature.text("sig").orElse("")))
                .orElse(new byte[0]);
    }

    /** Both alphabets occur. */
    private static byte[] decoded(String text) {
        return text.indexOf('-') >= 0 || text.indexOf('_') >= 0
                ? Base64.getUrlDecoder().decode(text)
                : Base64.getDecoder().decode(text);
    }

    /** The envelope of one signature. */
    static byte[] envelope(byte[] payload, String keyId, byte[] signature) {
        Base64.Encoder base64 = Base64.getEncoder();
        return "{\"payloadType\":\"%s\",\"payload\":\"%s\",\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"}]}"
                .formatted(PAYLOAD_TYPE, base64.encodeToString(payload), keyId, base64.encodeToString(signature))
                .getBytes(StandardCharsets.UTF_8);
    }

    /** What is signed: type and payload, each with its length before it. */
    static byte[] signedBytes(byte[] payload) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("DSSEv1 %d %s %d "
                .formatted(PAYLOAD_TYPE.length(), PAYLOAD_TYPE, payload.length)
                .getBytes(StandardCharsets.UTF_8));
        out.writeBytes(payload);
        return out.toByteArray();
    }
}
