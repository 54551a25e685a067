package org.berth.policy;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.berth.config.ContainerLimits;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.resolve.LocalImages;
import org.berth.sif.FileSystemType;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;

/** {@code allow-container-…} and {@code limit-container-…}, in Apptainer's order and words. */
record LimitCheck(Host host, ContainerLimits limits, Path path, Provenance provenance) {
    void require(LocalImages.Kind kind) {
        requirePath();
        if (!limits.groups().isEmpty()
                && limits.groups().stream().noneMatch(group -> host.belongsToGroup(path, group))) {
            throw refused("image is not owned by required group(s)", "limit-container-groups", list(limits.groups()));
        }
        if (!limits.owners().isEmpty()
                && limits.owners().stream().noneMatch(owner -> host.belongsToUser(path, owner))) {
            throw refused("image is not owned by required user(s)", "limit-container-owners", list(limits.owners()));
        }
        requireKind(kind);
    }

    private void requirePath() {
        if (limits.paths().isEmpty()) {
            return;
        }
        Path real = host.realPath(path);
        if (limits.paths().stream().noneMatch(allowed -> real.startsWith(host.realPath(allowed)))) {
            throw refused("image is not in an allowed configured path", "limit-container-paths", list(limits.paths()));
        }
    }

    private void requireKind(LocalImages.Kind kind) {
        switch (kind) {
            case LocalImages.Kind.Sandbox _ -> requireAllowed(limits.directory(), "sandbox", "allow-container-dir");
            case LocalImages.Kind.PlainSquashfs _ ->
                requireAllowed(limits.squashfs(), "squashFS", "allow-container-squashfs");
            case LocalImages.Kind.Ext3 _ -> requireAllowed(limits.extfs(), "extFS", "allow-container-extfs");
            case LocalImages.Kind.Sif(SifFile file) -> {
                if (encrypted(file)) {
                    requireAllowed(limits.encrypted(), "encrypted SIF", "allow-container-encrypted");
                } else {
                    requireAllowed(limits.sif(), "unencrypted SIF", "allow-container-sif");
                }
            }
        }
    }

    private static boolean encrypted(SifFile file) {
        return file.primaryPartition()
                .flatMap(SifDescriptor::partition)
                .map(SifDescriptor.Partition::fileSystem)
                .filter(type -> type == FileSystemType.ENCRYPTED_SQUASHFS || type == FileSystemType.GOCRYPTFS_SQUASHFS)
                .isPresent();
    }

    private void requireAllowed(boolean allowed, String kind, String setting) {
        if (!allowed) {
            throw refused("configuration disallows users from running %s containers".formatted(kind), setting, "no");
        }
    }

    private ImageException refused(String reason, String setting, String value) {
        String where = provenance instanceof Provenance.Named
                ? ""
                : "; what comes from elsewhere is kept in " + path.getParent();
        return new ImageException("could not open image %s: %s".formatted(SitePolicy.named(path, provenance), reason))
                .hint("%s has %s: %s%s".formatted(limits.source(), setting, value, where));
    }

    private static String list(List<?> values) {
        return values.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }
}
