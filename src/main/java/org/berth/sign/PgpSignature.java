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
import org.bouncycastle.bcpg.SignatureSubpacket;
import org.bouncycastle.bcpg.SignatureSubpacketTags;
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

    /* A message has one, or one of each signer. */
    private static final int MAX_SIGNATURES = 16;
    private static final int MAX_ARMOR = 1 << 16;

    /** What may be marked as critical, because it is looked at or says nothing about validity (RFC 4880, 5.2.3.1). */
    private static final Set<Integer> UNDERSTOOD = Set.of(
            SignatureSubpacketTags.CREATION_TIME,
            SignatureSubpacketTags.EXPIRE_TIME,
            SignatureSubpacketTags.ISSUER_KEY_ID,
            SignatureSubpacketTags.SIGNER_USER_ID,
            SignatureSubpacketTags.POLICY_URL,
            SignatureSubpacketTags.ISSUER_FINGERPRINT);

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
        if (text.armor().length > MAX_ARMOR) {
            return new Opened.Refused(
                    "openpgp: a block of %d bytes, at most %d are read".formatted(text.armor().length, MAX_ARMOR),
                    Optional.empty());
        }
        try {
            Opened last = new Opened.Refused("openpgp: signature made by unknown entity", Optional.empty());
            List<PGPSignature> signatures = signatures(text.armor());
            if (signatures.size() > MAX_SIGNATURES) {
                return new Opened.Refused(
                        "openpgp: %d signatures of one message, at most %d are looked at"
                                .formatted(signatures.size(), MAX_SIGNATURES),
                        Optional.empty());
            }
            for (PGPSignature signature : signatures) {
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
        if (!signature.hasSubpackets()
                || !signature.getHashedSubPackets().hasSubpacket(SignatureSubpacketTags.CREATION_TIME)) {
            return new Opened.Refused("openpgp: no creation time in signature", Optional.empty());
        }
        for (SignatureSubpacket part : signature.getHashedSubPackets().toArray()) {
            if (part.isCritical() && !UNDERSTOOD.contains(part.getType())) {
                return new Opened.Refused(
                        "openpgp: unknown critical signature subpacket type %d".formatted(part.getType()),
                        Optional.empty());
            }
        }
        for (Candidate candidate : candidates(signature, keyrings)) {
            signature.init(new BcPGPContentVerifierBuilderProvider(), candidate.key);
            signature.update(ClearText.signedBytes(text.message()));
            if (!signature.verify()) {
                return new Opened.Refused("openpgp: invalid signature", Optional.of(candidate.identity()));
            }
            Instant now = Instant.now();
            Optional<String> objection = PgpValidity.outOfTime(signature, now)
                    .or(() -> PgpValidity.objection(candidate.ring, candidate.key, now));
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
}
