package org.berth.oci;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The configuration of an image (OCI image specification, config.md); absent and {@code null} fields read as empty.
 *
 * @param platform its parts are empty where the configuration says nothing
 * @param env {@code NAME=value}, in order
 * @param entrypoint empty if there is none
 * @param cmd empty if there is none
 * @param labels sorted by name, so that what is made from them is the same in every run
 * @param diffIds digests of the uncompressed layers, lowest first
 * @param created RFC 3339, empty if not given
 * @param rawConfig the {@code config} object as JSON text, {@code {}} if there is none
 */
public record ImageConfig(
        Platform platform,
        List<String> env,
        List<String> entrypoint,
        List<String> cmd,
        String user,
        String workingDir,
        Map<String, String> labels,
        List<Digest> diffIds,
        Optional<String> created,
        String rawConfig) {
    public ImageConfig {
        env = List.copyOf(env);
        entrypoint = List.copyOf(entrypoint);
        cmd = List.copyOf(cmd);
        labels = Collections.unmodifiableMap(new TreeMap<>(labels));
        diffIds = List.copyOf(diffIds);
    }
}
