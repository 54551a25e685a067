package org.berth.sign;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.bcpg.SignatureSubpacketTags;
import org.bouncycastle.bcpg.sig.KeyFlags;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPPublicKey;
import org.bouncycastle.openpgp.PGPPublicKeyRing;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentVerifierBuilderProvider;

/**
 * Whether a key may sign now, by the self-signatures of its owner: expiry, revocation, purpose, and whether a subkey
 * belongs to its primary key at all (RFC 4880, sections 5.2.1 and 11.1). Self-signatures that do not verify do not count.
 */
final class PgpValidity {
    private PgpValidity() {}

    /** Why this key of the ring may not sign; empty if it may. */
    static Optional<String> objection(PGPPublicKeyRing ring, PGPPublicKey key, Instant now) {
        try {
            PGPPublicKey primary = ring.getPublicKey();
            Optional<String> ofPrimary = objectionToPrimary(primary, now, key.getKeyID() == primary.getKeyID());
            return ofPrimary.isPresent() || key.getKeyID() == primary.getKeyID()
                    ? ofPrimary
                    : objectionToSubkey(primary, key, now);
        } catch (PGPException | RuntimeException e) {
            return Optional.of("openpgp: the key cannot be checked: " + e.getMessage());
        }
    }

    /** Why a signature does not count at that time; one from the future is no better than an old one. */
    static Optional<String> outOfTime(PGPSignature signature, Instant now) {
        Instant created = signature.getCreationTime().toInstant();
        if (created.isAfter(now)) {
            return Optional.of("openpgp: signature expired: it is dated %s, later than now".formatted(created));
        }
        long seconds = signature.getHashedSubPackets().getSignatureExpirationTime();
        return seconds != 0 && !now.isBefore(created.plusSeconds(seconds))
                ? Optional.of("openpgp: signature expired")
                : Optional.empty();
    }

    private static Optional<String> objectionToPrimary(PGPPublicKey primary, Instant now, boolean signs)
            throws PGPException {
        for (PGPSignature revocation : signatures(primary, PGPSignature.KEY_REVOCATION)) {
            if (begun(revocation, primary) && revocation.verifyCertification(primary)) {
                return Optional.of("openpgp: signature made by revoked key");
            }
        }
        return newest(selfSignatures(primary))
                .map(self -> objection(self, primary, now, signs))
                .orElse(Optional.of("openpgp: the key has no valid self-signature"));
    }

    private static List<PGPSignature> selfSignatures(PGPPublicKey primary) throws PGPException {
        List<PGPSignature> valid = new ArrayList<>();
        Iterator<byte[]> userIds = primary.getRawUserIDs();
        while (userIds.hasNext()) {
            byte[] userId = userIds.next();
            Iterator<PGPSignature> candidates = primary.getSignaturesForID(userId);
            while (candidates.hasNext()) {
                PGPSignature candidate = candidates.next();
                if (candidate.isCertification()
                        && begun(candidate, primary)
                        && candidate.verifyCertification(userId, primary)) {
                    valid.add(candidate);
                }
            }
        }
        for (PGPSignature candidate : signatures(primary, PGPSignature.DIRECT_KEY)) {
            if (begun(candidate, primary) && candidate.verifyCertification(primary)) {
                valid.add(candidate);
            }
        }
        return valid;
    }

    private static Optional<String> objectionToSubkey(PGPPublicKey primary, PGPPublicKey subkey, Instant now)
            throws PGPException {
        for (PGPSignature revocation : signatures(subkey, PGPSignature.SUBKEY_REVOCATION)) {
            if (begun(revocation, primary) && revocation.verifyCertification(primary, subkey)) {
                return Optional.of("openpgp: signature made by revoked key");
            }
        }
        List<PGPSignature> bindings = new ArrayList<>();
        for (PGPSignature binding : signatures(subkey, PGPSignature.SUBKEY_BINDING)) {
            if (begun(binding, primary)
                    && binding.verifyCertification(primary, subkey)
                    && isConfirmed(binding, primary, subkey)) {
                bindings.add(binding);
            }
        }
        return newest(bindings)
                .map(binding -> objection(binding, subkey, now, true))
                .orElse(Optional.of("openpgp: the signing subkey does not belong to its primary key"));
    }

    /** A signing subkey has to confirm the binding, else anybody could adopt another's subkey with its signatures. */
    private static boolean isConfirmed(PGPSignature binding, PGPPublicKey primary, PGPPublicKey subkey)
            throws PGPException {
        for (PGPSignature embedded : binding.getHashedSubPackets().getEmbeddedSignatures()) {
            if (isConfirmation(embedded, primary, subkey)) {
                return true;
            }
        }
        for (PGPSignature embedded : binding.getUnhashedSubPackets().getEmbeddedSignatures()) {
            if (isConfirmation(embedded, primary, subkey)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isConfirmation(PGPSignature embedded, PGPPublicKey primary, PGPPublicKey subkey)
            throws PGPException {
        if (embedded.getSignatureType() != PGPSignature.PRIMARYKEY_BINDING) {
            return false;
        }
        embedded.init(new BcPGPContentVerifierBuilderProvider(), subkey);
        return embedded.verifyCertification(primary, subkey);
    }

    private static Optional<String> objection(PGPSignature self, PGPPublicKey key, Instant now, boolean signs) {
        long seconds = self.getHashedSubPackets().getKeyExpirationTime();
        Instant created = key.getCreationTime().toInstant();
        if (created.isAfter(now) || seconds != 0 && !now.isBefore(created.plusSeconds(seconds))) {
            return Optional.of("openpgp: key expired");
        }
        Optional<String> outOfTime = outOfTime(self, now);
        if (outOfTime.isPresent()) {
            return outOfTime;
        }
        boolean restricted = self.getHashedSubPackets().hasSubpacket(SignatureSubpacketTags.KEY_FLAGS);
        if (signs && restricted && (self.getHashedSubPackets().getKeyFlags() & KeyFlags.SIGN_DATA) == 0) {
            return Optional.of("openpgp: the key is not meant for signing");
        }
        return Optional.empty();
    }

    /** Whether the signature claims to be the primary key's; it is ready to be verified then. */
    private static boolean begun(PGPSignature signature, PGPPublicKey primary) throws PGPException {
        if (signature.getKeyID() != primary.getKeyID()) {
            return false;
        }
        signature.init(new BcPGPContentVerifierBuilderProvider(), primary);
        return true;
    }

    private static List<PGPSignature> signatures(PGPPublicKey key, int type) {
        List<PGPSignature> found = new ArrayList<>();
        key.getSignaturesOfType(type).forEachRemaining(found::add);
        return found;
    }

    private static Optional<PGPSignature> newest(List<PGPSignature> signatures) {
        return signatures.stream().max(Comparator.comparing(PGPSignature::getCreationTime));
    }
}
