package org.berth.sign;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPObjectFactory;
import org.bouncycastle.openpgp.PGPPublicKey;
import org.bouncycastle.openpgp.PGPPublicKeyRing;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.PGPSignatureList;
import org.bouncycastle.openpgp.PGPUtil;
import org.bouncycastle.openpgp.operator.bc.BcKeyFingerprintCalculator;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentVerifierBuilderProvider;

/** Checks a clear-text signature with the keys at hand. */
final class PgpSignature {
    private static final Set<Integer> HASHES = Set.of(
            HashAlgorithmTags.SHA224, HashAlgorithmTags.SHA256, HashAlgorithmTags.SHA384, HashAlgorithmTags.SHA512);
    private static final Set<Integer> TYPES =
            Set.of(PGPSignature.BINARY_DOCUMENT, PGPSignature.CANONICAL_TEXT_DOCUMENT);

    private PgpSignature() {}

    /** A key with its ring and where that was found. */
    private record Candidate(PGPPublicKeyRing ring, PGPPublicKey key, PgpIdentity.Place place) {
        PgpIdentity identity() {
            Iterator<String> names = ring.getPublicKey().getUserIDs();
            return new PgpIdentity(
                    names.hasNext() ? PgpKey.masked(names.next()) : "", PgpKey.fingerprint(ring.getPublicKey()), place);
        }
    }

    static Opened open(ClearText text, List<PgpPublicKeys> keyrings) {
        try {
            Opened last = new Opened.Refused("openpgp: signature made by unknown entity", Optional.empty());
            for (PGPSignature signature : signatures(text.armor())) {
                last = open(text, signature, keyrings);
                if (last instanceof Opened.Message) {
                    return last;
                }
            }
            return last;
        } catch (PGPException | IOException | RuntimeException e) {
            return new Opened.Refused("openpgp: invalid signature: " + e.getMessage(), Optional.empty());
        }
    }

    private static List<PGPSignature> signatures(byte[] armor) throws IOException {
        PGPObjectFactory packets = new PGPObjectFactory(
                PGPUtil.getDecoderStream(new ByteArrayInputStream(armor)), new BcKeyFingerprintCalculator());
        List<PGPSignature> found = new ArrayList<>();
        if (packets.nextObject() instanceof PGPSignatureList list) {
            list.forEach(found::add);
        }
        return found;
    }

    private static Opened open(ClearText text, PGPSignature signature, List<PgpPublicKeys> keyrings)
            throws PGPException {
        if (!TYPES.contains(signature.getSignatureType())) {
            return new Opened.Refused("openpgp: not a signature of a text", Optional.empty());
        }
        if (!HASHES.contains(signature.getHashAlgorithm())) {
            return new Opened.Refused("openpgp: hash algorithm not accepted", Optional.empty());
        }
        for (Candidate candidate : candidates(signature, keyrings)) {
            signature.init(new BcPGPContentVerifierBuilderProvider(), candidate.key);
            signature.update(ClearText.signedBytes(text.message()));
            if (!signature.verify()) {
                return new Opened.Refused("openpgp: invalid signature", Optional.of(candidate.identity()));
            }
            Optional<String> objection =
                    expired(signature).or(() -> PgpValidity.objection(candidate.ring, candidate.key, Instant.now()));
            return objection.isEmpty()
                    ? new Opened.Message(text.message(), Optional.of(candidate.identity()))
                    : new Opened.Refused(objection.orElseThrow(), Optional.of(candidate.identity()));
        }
        return new Opened.Refused("openpgp: signature made by unknown entity", Optional.empty());
    }

    private static List<Candidate> candidates(PGPSignature signature, List<PgpPublicKeys> keyrings) {
        return keyrings.stream()
                .flatMap(keyring -> keyring.keys().stream()
                        .map(PgpPublicKey::ring)
                        .flatMap(ring -> {
                            List<Candidate> found = new ArrayList<>();
                            ring.forEach(key -> {
                                if (key.getKeyID() == signature.getKeyID()) {
                                    found.add(new Candidate(ring, key, keyring.place()));
                                }
                            });
                            return found.stream();
                        }))
                .toList();
    }

    private static Optional<String> expired(PGPSignature signature) {
        long seconds = signature.getHashedSubPackets().getSignatureExpirationTime();
        Instant created = signature.getCreationTime().toInstant();
        return seconds != 0 && !Instant.now().isBefore(created.plusSeconds(seconds))
                ? Optional.of("openpgp: signature expired")
                : Optional.empty();
    }
}
