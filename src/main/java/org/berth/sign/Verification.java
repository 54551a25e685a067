package org.berth.sign;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.sif.DataType;
import org.berth.sif.HashType;
import org.berth.sif.Link;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.berth.sign.Selection.Members;

/**
 * Verifies the signatures of a SIF file.
 *
 * <p>Good means: every object but the signatures is in a group; each chosen group has signatures; each of them is valid,
 * covers exactly the chosen objects, and finds header, descriptors and bytes as they were signed.
 */
public final class Verification {
    /* An image has a few: one of each group and signer, of some kilobytes. What is beyond is there to keep us busy. */
    private static final int MAX_SIGNATURES = 256;
    private static final long MAX_SIGNATURE_SIZE = 1 << 20;
    private static final long MAX_SIGNATURES_SIZE = 4 << 20;

    private Verification() {}

    /** Which signatures count. */
    public enum Form {
        CURRENT,
        /** Only those of old writers, which cover neither header nor descriptors; the primary partition unless chosen otherwise. */
        LEGACY,
        /** Only those of old writers, for every object. */
        LEGACY_ALL
    }

    /**
     * What one signature says.
     *
     * @param verified the objects found as they were signed, up to the first that was not
     */
    public record Outcome(
            SifDescriptor signature,
            Optional<PgpIdentity> signer,
            List<SifDescriptor> verified,
            Optional<Problem> problem) {
        public Outcome {
            verified = List.copyOf(verified);
        }
    }

    /**
     * Verifies the chosen objects.
     *
     * @param heard hears of each signature before the next one is looked at
     * @throws ImageException with the first problem: the image is not to be trusted
     */
    public static void verify(SifFile file, Selection selection, Form form, KeyMaterial keys, Consumer<Outcome> heard) {
        try {
            requireFewSignatures(file);
            List<Task> tasks = tasks(file, selection, form);
            requireGroups(file);
            ObjectHashes hashes = new ObjectHashes(file);
            for (Task task : tasks) {
                for (SifDescriptor signature : task.signatures(file)) {
                    Outcome outcome = task.check(hashes, signature, open(file, signature, keys));
                    heard.accept(outcome);
                    outcome.problem().ifPresent(problem -> {
                        throw new ImageException(problem.text());
                    });
                }
            }
        } catch (ImageException | UsageException e) {
            throw new ImageException("integrity: " + e.getMessage(), e);
        }
    }

    /**
     * By whom the objects of a file are signed, as its descriptors name them; fingerprints in upper case.
     *
     * @param all who signed each of the chosen groups or objects
     * @param any who signed one of them
     * @param unverified whose signature is bad or made by a key that is not known, expired or revoked
     */
    public record Signers(Set<String> all, Set<String> any, Set<String> unverified) {
        public Signers {
            all = Set.copyOf(all);
            any = Set.copyOf(any);
            unverified = Set.copyOf(unverified);
        }
    }

    /**
     * Verifies the chosen objects and tells the good signatures from those that cannot be verified.
     *
     * @throws ImageException if something else is wrong: an object is in no group, a group has no signature or one without an
     *     OpenPGP key, or the file is not as it was signed
     */
    public static Signers signers(SifFile file, Selection selection, Form form, KeyMaterial.Pgp keys) {
        try {
            requireFewSignatures(file);
            List<Task> tasks = tasks(file, selection, form);
            requireGroups(file);
            ObjectHashes hashes = new ObjectHashes(file);
            Map<String, Integer> signed = new HashMap<>();
            Set<String> unverified = new HashSet<>();
            for (Task task : tasks) {
                Set<String> named = new HashSet<>();
                for (SifDescriptor signature : task.signatures(file)) {
                    Optional<String> fingerprint = signature.signature().flatMap(SifDescriptor.Signature::fingerprint);
                    fingerprint.ifPresent(named::add);
                    task.check(hashes, signature, open(file, signature, keys))
                            .problem()
                            .ifPresent(problem -> {
                                if (!(problem instanceof Problem.SignatureNotValid)) {
                                    throw new ImageException(problem.text());
                                }
                                fingerprint.ifPresent(unverified::add);
                            });
                }
                named.forEach(fingerprint -> signed.merge(fingerprint, 1, Integer::sum));
            }
            Set<String> all = new HashSet<>(signed.keySet());
            all.removeIf(fingerprint -> signed.getOrDefault(fingerprint, 0) < tasks.size());
            return new Signers(all, signed.keySet(), unverified);
        } catch (ImageException | UsageException e) {
            throw new ImageException("integrity: " + e.getMessage(), e);
        }
    }

    private static void requireFewSignatures(SifFile file) {
        List<SifDescriptor> signatures = file.descriptors().stream()
                .filter(object -> object.type() == DataType.SIGNATURE)
                .toList();
        if (signatures.size() > MAX_SIGNATURES) {
            throw new ImageException(
                    "it has %d signatures, at most %d are looked at".formatted(signatures.size(), MAX_SIGNATURES));
        }
        long bytes = 0;
        for (SifDescriptor signature : signatures) {
            if (signature.size() > MAX_SIGNATURE_SIZE) {
                throw new ImageException("signature object %d has %d bytes, at most %d are read"
                        .formatted(signature.id(), signature.size(), MAX_SIGNATURE_SIZE));
            }
            bytes += signature.size();
        }
        if (bytes > MAX_SIGNATURES_SIZE) {
            throw new ImageException(
                    "its signatures have %d bytes, at most %d are read".formatted(bytes, MAX_SIGNATURES_SIZE));
        }
    }

    private static void requireGroups(SifFile file) {
        file.descriptors().stream()
                .filter(object -> object.group() == 0 && object.type() != DataType.SIGNATURE)
                .findFirst()
                .ifPresent(object -> {
                    throw new ImageException(
                            "non-signature object not associated with object group: %d".formatted(object.id()));
                });
    }

    private static List<Task> tasks(SifFile file, Selection selection, Form form) {
        return switch (form) {
            case CURRENT ->
                selection.members(file).stream().<Task>map(CurrentTask::new).toList();
            case LEGACY ->
                switch (selection) {
                    case Selection.AllGroups all ->
                        List.of(new LegacyObject(file.primaryPartition()
                                .orElseThrow(() -> new ImageException("it has no primary system partition"))));
                    case Selection.Group group ->
                        List.of(new LegacyGroup(selection.members(file).getFirst()));
                    case Selection.OneObject one ->
                        List.of(new LegacyObject(
                                selection.members(file).getFirst().objects().getFirst()));
                };
            case LEGACY_ALL ->
                file.descriptors().stream()
                        .filter(object -> object.group() != 0 && object.type() != DataType.SIGNATURE)
                        .<Task>map(LegacyObject::new)
                        .toList();
        };
    }

    /** Objects that signatures have to vouch for. */
    private sealed interface Task {
        /** @throws ImageException if there are none */
        List<SifDescriptor> signatures(SifFile file);

        Outcome check(ObjectHashes hashes, SifDescriptor signature, Opened opened);
    }

    private record CurrentTask(Members members) implements Task {
        @Override
        public List<SifDescriptor> signatures(SifFile file) {
            return groupSignatures(file, members.group(), false);
        }

        @Override
        public Outcome check(ObjectHashes hashes, SifDescriptor signature, Opened opened) {
            List<SifDescriptor> verified = new ArrayList<>();
            Optional<Problem> problem = signatureProblem(signature, opened).or(() -> {
                try {
                    return problem(hashes, SignedMetadata.parse(bytes(opened)), verified);
                } catch (ImageException e) {
                    return Optional.of(new Problem.SignatureNotValid(signature.id(), String.valueOf(e.getMessage())));
                }
            });
            return new Outcome(signature, signer(opened), verified, problem);
        }

        private Optional<Problem> problem(ObjectHashes hashes, SignedMetadata metadata, List<SifDescriptor> verified) {
            int smallest = members.smallestId();
            for (SifDescriptor object : members.objects()) {
                if (metadata.signed(object.id(), smallest).isEmpty()) {
                    return Optional.of(new Problem.ObjectNotSigned(object.id()));
                }
            }
            if (members.whole()) {
                for (SignedMetadata.ObjectDigests signed : metadata.objects()) {
                    long id = signed.relativeId() + smallest;
                    if (members.objects().stream().noneMatch(object -> object.id() == id)) {
                        return Optional.of(new Problem.SignedObjectMissing(id));
                    }
                }
            }
            if (!matches(metadata.header(), hashes.file().header().signedFields())) {
                return Optional.of(new Problem.HeaderChanged());
            }
            for (SifDescriptor object : members.objects()) {
                SignedMetadata.ObjectDigests digests =
                        metadata.signed(object.id(), smallest).orElseThrow();
                if (!matches(digests.descriptor(), object.signedFields(object.id() - smallest))) {
                    return Optional.of(new Problem.DescriptorChanged(object.id()));
                }
                if (!hashes.text(DigestAlgorithm.of(digests.object()), object).equals(digests.object())) {
                    return Optional.of(new Problem.ObjectChanged(Optional.of(object.id())));
                }
                verified.add(object);
            }
            return Optional.empty();
        }

        private static boolean matches(String digest, byte[] bytes) {
            return DigestAlgorithm.of(digest).text(bytes).equals(digest);
        }
    }

    private record LegacyGroup(Members members) implements Task {
        @Override
        public List<SifDescriptor> signatures(SifFile file) {
            return groupSignatures(file, members.group(), true);
        }

        @Override
        public Outcome check(ObjectHashes hashes, SifDescriptor signature, Opened opened) {
            return legacy(hashes, signature, opened, members.objects(), Optional.empty());
        }
    }

    private record LegacyObject(SifDescriptor object) implements Task {
        @Override
        public List<SifDescriptor> signatures(SifFile file) {
            List<SifDescriptor> found = linked(file, new Link.ToObject(object.id()));
            if (found.isEmpty()) {
                throw new ImageException("signature not found for object %d".formatted(object.id()));
            }
            return found;
        }

        @Override
        public Outcome check(ObjectHashes hashes, SifDescriptor signature, Opened opened) {
            return legacy(hashes, signature, opened, List.of(object), Optional.of(object.id()));
        }
    }

    private static Outcome legacy(
            ObjectHashes hashes,
            SifDescriptor signature,
            Opened opened,
            List<SifDescriptor> objects,
            Optional<Integer> blamed) {
        Optional<Problem> problem = signatureProblem(signature, opened).or(() -> {
            HashType hash =
                    signature.signature().map(SifDescriptor.Signature::hash).orElse(HashType.UNKNOWN);
            return LegacyDigest.matches(bytes(opened), hashes.legacy(hash, objects))
                    ? Optional.empty()
                    : Optional.of(new Problem.ObjectChanged(blamed));
        });
        return new Outcome(signature, signer(opened), problem.isEmpty() ? objects : List.of(), problem);
    }

    private static Optional<Problem> signatureProblem(SifDescriptor signature, Opened opened) {
        return switch (opened) {
            case Opened.Refused(String reason, var signer) ->
                Optional.of(new Problem.SignatureNotValid(signature.id(), reason));
            case Opened.Message(var bytes, var signer) -> {
                Optional<String> named = signature.signature().flatMap(SifDescriptor.Signature::fingerprint);
                yield signer.isEmpty() || named.equals(signer.map(PgpIdentity::fingerprint))
                        ? Optional.empty()
                        : Optional.of(new Problem.OtherSigner());
            }
        };
    }

    private static byte[] bytes(Opened opened) {
        return switch (opened) {
            case Opened.Message(var bytes, var signer) -> bytes;
            case Opened.Refused(var reason, var signer) -> throw new IllegalStateException(reason);
        };
    }

    private static Optional<PgpIdentity> signer(Opened opened) {
        return switch (opened) {
            case Opened.Message(var bytes, var signer) -> signer;
            case Opened.Refused(var reason, var signer) -> signer;
        };
    }

    private static List<SifDescriptor> groupSignatures(SifFile file, int group, boolean legacy) {
        List<SifDescriptor> found = linked(file, new Link.ToGroup(group)).stream()
                .filter(signature -> LegacyDigest.isLegacy(bytes(file, signature)) == legacy)
                .toList();
        if (found.isEmpty()) {
            throw new ImageException("signature not found for object group %d".formatted(group));
        }
        return found;
    }

    /** The signatures that belong to a group or an object, in the order of the file. */
    static List<SifDescriptor> linked(SifFile file, Link link) {
        return file.descriptors().stream()
                .filter(object ->
                        object.type() == DataType.SIGNATURE && object.link().equals(link))
                .toList();
    }

    private static byte[] bytes(SifFile file, SifDescriptor signature) {
        return file.bytes(signature, MAX_SIGNATURE_SIZE);
    }

    private static Opened open(SifFile file, SifDescriptor signature, KeyMaterial keys) {
        byte[] bytes = bytes(file, signature);
        HashType hash = signature.signature().map(SifDescriptor.Signature::hash).orElse(HashType.UNKNOWN);
        Optional<Dsse> envelope = Dsse.parse(bytes);
        if (envelope.isPresent()) {
            return switch (keys) {
                case KeyMaterial.Pem pem -> pem.open(envelope.orElseThrow(), hash);
                case KeyMaterial.Pgp pgp ->
                    throw new ImageException("key material not provided for DSSE envelope signature");
            };
        }
        Optional<ClearText> clearText = ClearText.parse(bytes);
        if (clearText.isPresent()) {
            return switch (keys) {
                case KeyMaterial.Pem pem ->
                    throw new ImageException("key material not provided for PGP clear-sign signature");
                case KeyMaterial.Pgp pgp -> pgp.open(clearText.orElseThrow());
            };
        }
        throw new ImageException("signature format not recognized");
    }
}
