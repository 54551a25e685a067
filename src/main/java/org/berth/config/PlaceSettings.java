package org.berth.config;

import java.util.List;
import java.util.OptionalLong;

/**
 * Where images and temporary files are kept. Places are absolute paths, perhaps with variables: {@code /scratch/$USER}.
 *
 * @param caches places for the cache before the default one, in order
 * @param temporaries places for temporary files, in order
 * @param cacheMaxBytes what {@code cache gc} leaves in a cache
 * @param cacheMaxFiles the same in files
 * @param staging whether the nodes of a Slurm step copy images to themselves
 * @param stagePaths where; none: they do not
 * @param stageNodes from so many nodes on images on parallel file systems are copied too
 * @param stageBytes from this size on they are copied too
 * @param trusted whose caches and copies are believed besides the user's own
 */
public record PlaceSettings(
        List<String> caches,
        List<String> temporaries,
        OptionalLong cacheMaxBytes,
        OptionalLong cacheMaxFiles,
        Staging staging,
        List<String> stagePaths,
        int stageNodes,
        OptionalLong stageBytes,
        Trusted trusted) {
    public static final PlaceSettings DEFAULTS = new PlaceSettings(
            List.of(),
            List.of("$SLURM_TMPDIR", "/tmp"),
            OptionalLong.empty(),
            OptionalLong.empty(),
            Staging.AUTO,
            List.of(),
            64,
            OptionalLong.empty(),
            Trusted.NOBODY);

    public PlaceSettings {
        caches = List.copyOf(caches);
        temporaries = List.copyOf(temporaries);
        stagePaths = List.copyOf(stagePaths);
    }

    PlaceSettings with(Trusted others) {
        return new PlaceSettings(
                caches, temporaries, cacheMaxBytes, cacheMaxFiles, staging, stagePaths, stageNodes, stageBytes, others);
    }

    /** Users, and groups, by name or number. */
    public record Trusted(List<String> owners, List<String> groups) {
        public static final Trusted NOBODY = new Trusted(List.of(), List.of());

        public Trusted {
            owners = List.copyOf(owners);
            groups = List.copyOf(groups);
        }
    }

    /** When images are copied to the nodes. */
    public enum Staging {
        /** Where they are on a file server, or many nodes want one. */
        AUTO,
        ALWAYS,
        NEVER
    }
}
