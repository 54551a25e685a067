package org.berth.resolve;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.berth.cache.Space;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.files.OwnFiles;
import org.berth.files.Unfinished;
import org.berth.host.Host;
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
import org.berth.squashfs.SquashfsReader;
import org.berth.squashfs.SquashfsWriter;

/**
 * An image from one of this machine: a sandbox is packed, a squashfs is taken over byte for byte, with or without the changes
 * of a container.
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
        sif(source, Optional.empty(), named, machine, purpose, destination);
    }

    /**
     * Writes an image with the changes that were made in a container of it. What the image says of itself stays.
     *
     * @param source a sandbox, a squashfs or a SIF
     * @param upper the upper directory of the overlay over it
     * @param named as the user did
     * @param machine that the image is for where it does not say so itself
     * @param destination its ending says what is written; appears by rename, what is there is replaced
     */
    public void changed(Path source, Path upper, String named, Architecture machine, Path destination) {
        switch (SavedForm.of(destination)) {
            case SIF -> sif(source, Optional.of(upper), named, machine, Purpose.SIF, destination);
            case SQUASHFS -> squashfs(source, upper, destination);
        }
    }

    private void squashfs(Path source, Path upper, Path destination) {
        LocalImages.Kind kind = images.kind(source);
        events.info("Creating squashfs...");
        Instant now = settings.time().of(Optional.empty());
        OwnFiles.make(
                destination,
                0666 & ~settings.umask(),
                file -> pack(kind, upper, destination, new SifWriter.PartitionTarget(file.channel(), 0), now));
    }

    private void sif(
            Path source, Optional<Path> upper, String named, Architecture machine, Purpose purpose, Path destination) {
        LocalImages.Kind kind = images.kind(source);
        InspectMetadata metadata = new ImageMetadata(host, images).of(source);
        String definition = metadata.deffile().isEmpty()
                ? "bootstrap: localimage\nfrom: %s\n".formatted(named)
                : metadata.deffile() + "\n";
        Instant now = settings.time()
                .of(Optional.ofNullable(metadata.image().labels().get("org.opencontainers.image.created")));
        SifIdentity identity = settings.time().reproducible() ? SifIdentity.DETERMINISTIC : SifIdentity.fresh(now);
        try (Unfinished part = Unfinished.beside(destination);
                SifWriter sif = SifWriter.createInPlace(part.path(), identity)) {
            sif.add(SifObject.of(DataType.DEFINITION, ""), utf8(definition));
            sif.add(
                    SifObject.of(DataType.GENERIC_JSON, InspectMetadata.OBJECT_NAME),
                    utf8(metadata.toJson(InspectMetadata.Layout.COMPACT)));
            events.info(purpose.message());
            if (kind instanceof LocalImages.Kind.Sif(SifFile file)) {
                copyConfiguration(sif, file);
            }
            SifWriter.PartitionTarget target = sif.beginPartition(SifObject.partition(
                    FileSystemType.SQUASHFS,
                    PartitionType.PRIMARY_SYSTEM,
                    architecture(kind).or(() -> said(metadata)).orElse(machine),
                    ""));
            sif.endPartition(upper.map(layer -> pack(kind, layer, destination, target, now))
                    .orElseGet(() -> copy(kind, target, now)));
            sif.finish(settings.umask());
            part.publish();
        }
    }

    private static Optional<Architecture> said(InspectMetadata metadata) {
        return Optional.ofNullable(metadata.image().labels().get("org.opencontainers.image.architecture"))
                .map(Architecture::ofWord)
                .filter(architecture -> architecture != Architecture.UNKNOWN);
    }

    private static Optional<Architecture> architecture(LocalImages.Kind kind) {
        return kind instanceof LocalImages.Kind.Sif(SifFile file)
                ? squashfs(file).partition().map(SifDescriptor.Partition::architecture)
                : Optional.empty();
    }

    private static void copyConfiguration(SifWriter sif, SifFile file) {
        file.named(DataType.GENERIC_JSON, OCI_CONFIG)
                .ifPresent(config ->
                        sif.add(SifObject.of(DataType.GENERIC_JSON, OCI_CONFIG), file.bytes(config, MAX_BYTES)));
    }

    /** An image's root file system as it is; its bytes. */
    private long copy(LocalImages.Kind kind, SifWriter.PartitionTarget to, Instant now) {
        return switch (kind) {
            case LocalImages.Kind.Sandbox(Path root) -> {
                try (SquashfsWriter squashfs = writer(to)) {
                    yield Packer.pack(root, squashfs, owners(), now).bytes();
                }
            }
            case LocalImages.Kind.PlainSquashfs(Path file, long offset, long size) -> {
                OutputFiles.copyPart(file, offset, size, to.channel(), to.offset());
                yield size;
            }
            case LocalImages.Kind.Sif(SifFile file) -> {
                SifDescriptor partition = squashfs(file);
                OutputFiles.copyPart(file.path(), partition.offset(), partition.size(), to.channel(), to.offset());
                yield partition.size();
            }
            case LocalImages.Kind.Ext3 ext3 -> throw ext3.unavailable();
        };
    }

    /** An image's root file system with a layer; its bytes. */
    private long pack(LocalImages.Kind kind, Path upper, Path destination, SifWriter.PartitionTarget to, Instant now) {
        return switch (kind) {
            case LocalImages.Kind.Sandbox(Path root) -> pack(new Packer.Base.Directory(root), upper, to, now);
            case LocalImages.Kind.PlainSquashfs(Path file, long offset, long size) ->
                pack(file, offset, size, upper, destination, to, now);
            case LocalImages.Kind.Sif(SifFile file) -> {
                SifDescriptor partition = squashfs(file);
                yield pack(file.path(), partition.offset(), partition.size(), upper, destination, to, now);
            }
            case LocalImages.Kind.Ext3 ext3 -> throw ext3.unavailable();
        };
    }

    private long pack(
            Path file,
            long offset,
            long size,
            Path upper,
            Path destination,
            SifWriter.PartitionTarget to,
            Instant now) {
        Space.require(OutputFiles.folder(destination), size);
        try (SquashfsReader image = SquashfsReader.open(file, offset, size)) {
            return pack(new Packer.Base.Squashfs(image), upper, to, now);
        }
    }

    private long pack(Packer.Base base, Path upper, SifWriter.PartitionTarget to, Instant now) {
        try (SquashfsWriter squashfs = writer(to)) {
            return Packer.packOverlay(base, upper, squashfs, owners(), now).bytes();
        }
    }

    private SquashfsWriter writer(SifWriter.PartitionTarget to) {
        return new SquashfsWriter(
                to.channel(), to.offset(), settings.compression().codec(settings.level()), settings.threads());
    }

    /** Without root's rights the owners on the disk are the caller, who means nothing elsewhere. */
    private Packer.Owners owners() {
        return host.facts().root() ? Packer.Owners.KEPT : Packer.Owners.ROOT;
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
