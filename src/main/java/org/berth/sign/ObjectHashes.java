package org.berth.sign;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.berth.sif.HashType;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;

/** The hashes of a file's objects: however many signatures name one, its bytes are read once for each algorithm. */
final class ObjectHashes {
    private final SifFile file;
    private final Map<Key, String> known = new HashMap<>();

    private record Key(Enum<?> algorithm, List<Integer> objects) {}

    ObjectHashes(SifFile file) {
        this.file = file;
    }

    SifFile file() {
        return file;
    }

    /** {@code sha256:HEX}. */
    String text(DigestAlgorithm algorithm, SifDescriptor object) {
        return known.computeIfAbsent(new Key(algorithm, List.of(object.id())), key -> algorithm.text(file, object));
    }

    /** Of the objects' bytes one after the other, in hexadecimal digits. */
    String legacy(HashType algorithm, List<SifDescriptor> objects) {
        return known.computeIfAbsent(
                new Key(algorithm, objects.stream().map(SifDescriptor::id).toList()),
                key -> LegacyDigest.hex(algorithm, file, objects));
    }
}
