package org.berth.resolve;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.host.OutputFiles;
import org.berth.sif.Architecture;
import org.berth.sif.DataType;
import org.berth.sif.FileSystemType;
import org.berth.sif.InspectMetadata;
import org.berth.sif.PartitionType;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.berth.sif.SifIdentity;
import org.berth.sif.SifObject;
import org.berth.sif.SifWriter;
import org.berth.squashfs.Packer;
import org.berth.squashfs.SquashfsWriter;

/**
 * A SIF from an image of this machine: a sandbox is packed, a squashfs is taken over byte for byte.
 *
 * <p>What the image says of itself stays as it is, so that a sandbox that is packed and unpacked again is the same.
 */
public final class LocalBuild {
    private static final String OCI_CONFIG = "oci-config.json";
    private static final long MAX_BYTES = 16 << 20;

    private final Host host;
    private final LocalImages images;
    private final PullSettings settings;
    private final PullEvents events;

    public LocalBuild(Host host, LocalImages images, PullSettings settings, PullEvents events) {
        this.host = host;
        this.images = images;
        this.settings = settings;
        this.events = events;
    }

    /**
     * Writes the SIF.
     *
     * @param source a sandbox, a squashfs or a SIF
     * @param named as the user did
     * @param machine that the image is for where it does not say so itself
     * @param destination appears by rename; what is there is replaced
     */
    public void sif(Path source, String named, Architecture machine, Purpose purpose, Path destination) {
        LocalImages.Kind kind = images.kind(source);
        InspectMetadata metadata = new ImageMetadata(host, images).of(source);
        String definition = metadata.deffile().isEmpty()
                ? "bootstrap: localimage\nfrom: %s\n".formatted(named)
                : metadata.deffile() + "\n";
        Instant now = settings.time()
                .of(Optional.ofNullable(metadata.image().labels().get("org.opencontainers.image.created")));
        SifIdentity identity = settings.time().reproducible() ? SifIdentity.DETERMINISTIC : SifIdentity.fresh(now);
        try (SifWriter sif = SifWriter.create(destination, identity)) {
            sif.add(SifObject.of(DataType.DEFINITION, ""), utf8(definition));
            sif.add(
                    SifObject.of(DataType.GENERIC_JSON, InspectMetadata.OBJECT_NAME),
                    utf8(metadata.toJson(InspectMetadata.Layout.COMPACT)));
            events.info(purpose.message());
            switch (kind) {
                case LocalImages.Kind.Sandbox(Path root) ->
                    pack(sif, root, said(metadata).orElse(machine), now);
                case LocalImages.Kind.PlainSquashfs(Path file, long offset, long size) ->
                    copy(sif, file, offset, size, said(metadata).orElse(machine));
                case LocalImages.Kind.Sif(SifFile file) -> copy(sif, file);
            }
            sif.finish(settings.umask());
        }
    }

    private static Optional<Architecture> said(InspectMetadata metadata) {
        return Optional.ofNullable(metadata.image().labels().get("org.opencontainers.image.architecture"))
                .map(Architecture::ofWord)
                .filter(architecture -> architecture != Architecture.UNKNOWN);
    }

    private static SifWriter.PartitionTarget begin(SifWriter sif, Architecture architecture) {
        return sif.beginPartition(
                SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, architecture, ""));
    }

    private void pack(SifWriter sif, Path root, Architecture architecture, Instant now) {
        SifWriter.PartitionTarget target = begin(sif, architecture);
        try (SquashfsWriter squashfs = new SquashfsWriter(
                target.channel(),
                target.offset(),
                settings.compression().codec(settings.level()),
                settings.threads())) {
            // Without root's rights the owners on the disk are the caller, who means nothing elsewhere.
            Packer.Owners owners = host.facts().root() ? Packer.Owners.KEPT : Packer.Owners.ROOT;
            sif.endPartition(Packer.pack(root, squashfs, owners, now).bytes());
        }
    }

    private static void copy(SifWriter sif, Path file, long offset, long size, Architecture architecture) {
        SifWriter.PartitionTarget target = begin(sif, architecture);
        OutputFiles.copyPart(file, offset, size, target.channel(), target.offset());
        sif.endPartition(size);
    }

    private static void copy(SifWriter sif, SifFile file) {
        file.named(DataType.GENERIC_JSON, OCI_CONFIG)
                .ifPresent(config ->
                        sif.add(SifObject.of(DataType.GENERIC_JSON, OCI_CONFIG), file.bytes(config, MAX_BYTES)));
        SifDescriptor partition = squashfs(file);
        copy(
                sif,
                file.path(),
                partition.offset(),
                partition.size(),
                partition.partition().orElseThrow().architecture());
    }

    /**
     * The partition that holds an image's root file system.
     *
     * @throws ImageException if there is none, or it is no squashfs
     */
    public static SifDescriptor squashfs(SifFile file) {
        SifDescriptor partition = file.primaryPartition()
                .orElseThrow(() -> new ImageException(
                        "could not open image %s: it has no primary system partition".formatted(file.path())));
        FileSystemType type = partition.partition().orElseThrow().fileSystem();
        if (type != FileSystemType.SQUASHFS) {
            throw new ImageException("could not open image %s: its root file system is %s, which is not available yet"
                    .formatted(file.path(), type.word()));
        }
        return partition;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
