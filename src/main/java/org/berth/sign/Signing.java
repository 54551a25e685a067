package org.berth.sign;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.sif.Link;
import org.berth.sif.SifEditor;
import org.berth.sif.SifEditor.Addition;
import org.berth.sif.SifFile;
import org.berth.sif.SifObject;

/** Signs SIF files: one signature for each group, appended to the file. */
public final class Signing {
    private Signing() {}

    /**
     * Signs the chosen objects; all signatures appear at once, and none if signing fails.
     *
     * @param now Unix seconds
     * @throws org.berth.error.ImageException if the file cannot be read or has no such objects
     */
    public static SifFile sign(Path path, Selection selection, Signer signer, long now) {
        SifFile file = SifFile.read(path);
        List<Addition> signatures = new ArrayList<>();
        for (Selection.Members members : members(file, selection)) {
            byte[] metadata = SignedMetadata.of(file, members.smallestId(), members.objects())
                    .json();
            Signer.SignedMessage message = signer.sign(metadata);
            SifObject object =
                    SifObject.signature(message.hash(), new Link.ToGroup(members.group()), message.fingerprint());
            signatures.add(new Addition(object, message.bytes()));
        }
        return SifEditor.add(path, signatures, now);
    }

    private static List<Selection.Members> members(SifFile file, Selection selection) {
        try {
            return selection.members(file);
        } catch (ImageException | UsageException e) {
            throw new ImageException("integrity: " + e.getMessage(), e);
        }
    }
}
