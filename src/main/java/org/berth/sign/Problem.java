package org.berth.sign;

import java.util.Optional;

/** Why a signature does not vouch for the objects. */
public sealed interface Problem {
    /** The signature itself is bad, or made with a key that is not accepted. */
    record SignatureNotValid(int signature, String reason) implements Problem {}

    /** The signature's descriptor names another key than the one that signed. */
    record OtherSigner() implements Problem {}

    record ObjectNotSigned(int id) implements Problem {}

    record SignedObjectMissing(long id) implements Problem {}

    record HeaderChanged() implements Problem {}

    record DescriptorChanged(int id) implements Problem {}

    /** The object's bytes changed; for a legacy group it is not known which object's. */
    record ObjectChanged(Optional<Integer> id) implements Problem {}

    /** In the words of Apptainer. */
    default String text() {
        return switch (this) {
            case SignatureNotValid(int signature, String reason) ->
                "signature object %d not valid: %s".formatted(signature, reason);
            case OtherSigner() -> "fingerprint in descriptor does not correspond to signing entity";
            case ObjectNotSigned(int id) -> "object %d: object not signed".formatted(id);
            case SignedObjectMissing(long id) -> "object %d: signed object not found".formatted(id);
            case HeaderChanged() -> "header integrity compromised";
            case DescriptorChanged(int id) -> "data object descriptor integrity compromised: %d".formatted(id);
            case ObjectChanged(var id) ->
                "data object integrity compromised"
                        + id.map(number -> ": " + number).orElse("");
        };
    }
}
