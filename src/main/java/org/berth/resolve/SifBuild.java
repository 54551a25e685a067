package org.berth.resolve;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.berth.convert.ConvertOptions;
import org.berth.convert.Converter;
import org.berth.convert.Extra;
import org.berth.convert.Extra.Rule;
import org.berth.oci.Descriptor;
import org.berth.oci.ImageConfig;
import org.berth.oci.LayerSource;
import org.berth.sif.Architecture;
import org.berth.sif.DataType;
import org.berth.sif.FileSystemType;
import org.berth.sif.InspectMetadata;
import org.berth.sif.PartitionType;
import org.berth.sif.SifIdentity;
import org.berth.sif.SifObject;
import org.berth.sif.SifWriter;

/** Writes the SIF of an OCI image: definition, metadata, configuration, and the squashfs as its layers arrive. */
final class SifBuild {
    private SifBuild() {}

    /** Room that the image will need: about what its compressed layers take, since it is compressed again. */
    static long estimate(SourceImage image) {
        return image.manifest().layers().stream().mapToLong(Descriptor::size).sum() * 11 / 10 + (1 << 20);
    }

    /** Who the file is: the same for every reproducible build. */
    static SifIdentity identity(PullSettings settings) {
        return settings.time().reproducible() ? SifIdentity.DETERMINISTIC : SifIdentity.fresh(Instant.now());
    }

    /** @param sif closed by the caller; it makes the file appear */
    static void write(
            SourceImage image,
            LayerSource source,
            PullSettings settings,
            PullEvents events,
            Purpose purpose,
            SifWriter sif) {
        ImageConfig config = image.config();
        Instant now = settings.time().of(config);
        Architecture architecture = Architecture.ofWord(config.platform().architecture());
        ImageOrigin origin = ImageOrigin.of(image, now, settings.zone(), settings.version());
        Map<String, String> labels = origin.labels(config, config.platform().architecture());
        InspectMetadata metadata = metadata(config, origin, labels);
        sif.add(SifObject.of(DataType.DEFINITION, ""), utf8(origin.definition()));
        sif.add(
                SifObject.of(DataType.GENERIC_JSON, InspectMetadata.OBJECT_NAME),
                utf8(metadata.toJson(InspectMetadata.Layout.COMPACT)));
        sif.add(SifObject.of(DataType.GENERIC_JSON, "oci-config.json"), utf8(config.rawConfig()));
        SifWriter.PartitionTarget target = sif.beginPartition(
                SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, architecture, ""));
        events.info("Extracting OCI image...");
        Converter.Result result = Converter.convert(
                image.manifest().layers(),
                config.diffIds(),
                source,
                extras(config, labels, origin),
                new ConvertOptions(
                        settings.compression(),
                        settings.level(),
                        now,
                        settings.limits(),
                        settings.threads(),
                        ConvertOptions.DiffIds.CHECK),
                target.channel(),
                target.offset());
        result.notes().forEach(events::warning);
        events.info("Inserting Berth configuration...");
        events.info(purpose.message());
        sif.endPartition(result.bytes());
        sif.finish(settings.umask());
    }

    private static InspectMetadata metadata(ImageConfig config, ImageOrigin origin, Map<String, String> labels) {
        InspectMetadata.Section image = new InspectMetadata.Section(
                new TreeMap<>(ContainerFiles.shownEnvironment(config)),
                new TreeMap<>(labels),
                ContainerFiles.runscript(config).stripTrailing(),
                "",
                "");
        return new InspectMetadata(
                new TreeMap<>(),
                image,
                origin.definition().stripTrailing(),
                ContainerFiles.START_SCRIPT.stripTrailing());
    }

    private static List<Extra> extras(ImageConfig config, Map<String, String> labels, ImageOrigin origin) {
        List<Extra> extras = new ArrayList<>();
        for (String folder :
                List.of(".singularity.d", ".singularity.d/libs", ".singularity.d/actions", ".singularity.d/env")) {
            extras.add(Extra.directory(folder, 0755, Rule.ALWAYS));
        }
        ContainerFiles.executables(config)
                .forEach((path, bytes) -> extras.add(new Extra(path, Extra.Kind.FILE, 0755, bytes, Rule.ALWAYS)));
        extras.add(Extra.file(".singularity.d/labels.json", 0644, labelsJson(labels), Rule.ALWAYS));
        extras.add(Extra.file(".singularity.d/Singularity", 0644, origin.definition(), Rule.ALWAYS));
        ContainerFiles.links().forEach((path, text) -> extras.add(Extra.symlink(path, text, Rule.IF_MISSING)));
        for (String folder : ContainerFiles.folders()) {
            int mode = folder.endsWith("tmp") ? 01777 : folder.equals("root") ? 0700 : 0755;
            extras.add(Extra.directory(folder, mode, Rule.IF_MISSING));
        }
        extras.add(Extra.file("etc/hosts", 0644, "", Rule.IF_MISSING));
        extras.add(Extra.file("etc/resolv.conf", 0644, "", Rule.IF_MISSING));
        return extras;
    }

    private static String labelsJson(Map<String, String> labels) {
        return labels.entrySet().stream()
                .map(e -> "\t\"%s\": \"%s\"".formatted(quoted(e.getKey()), quoted(e.getValue())))
                .collect(Collectors.joining(",\n", "{\n", "\n}\n"));
    }

    private static String quoted(String text) {
        return new String(JsonStringEncoder.getInstance().quoteAsString(text));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
