package org.berth.policy;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.berth.config.ExecutionControl;
import org.berth.config.ExecutionControl.Group;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.sif.SifFile;
import org.berth.sign.KeyMaterial;
import org.berth.sign.PgpPublicKeys;
import org.berth.sign.Selection;
import org.berth.sign.Verification;
import org.berth.sign.Verification.Signers;

/**
 * Execution control, active: the group of the image's directory decides whose signatures it needs.
 *
 * <p>As Apptainer's ECL does it: the directory is that of the file itself, with links resolved; the group without a directory is
 * for all that no other is for; an image without a verifiable form of signature is refused in every group, in a blacklist too.
 */
record SignatureCheck(
        Host host, ExecutionControl control, Supplier<PgpPublicKeys> siteKeys, Path path, Provenance provenance) {
    /** @param file that will be mounted */
    void require(SifFile file) {
        control.groups().forEach(this::requireRealDirectory);
        Path directory = Objects.requireNonNull(host.realPath(path).getParent(), "a file is in a directory");
        Group group = groupOf(control, directory).orElseThrow(() -> noGroup(directory));
        // A key may expire and the list of keys change.
        host.unrepeatable("verification of signatures");
        Signers signers = signers(group, file);
        objection(group, signers).ifPresent(objection -> {
            throw refused(group, objection).hint(advice(group));
        });
    }

    /** A path that leads elsewhere by a link would never be found again. */
    private void requireRealDirectory(Group group) {
        group.directory().ifPresent(directory -> {
            if (!host.isDirectory(directory)) {
                throw new HostException("%s: execution control: group '%s': there is no directory %s"
                        .formatted(control.source(), group.name(), directory));
            }
            Path real = host.realPath(directory);
            if (!real.toString().equals(directory.toString())) {
                throw new HostException("%s: execution control: group '%s': the directory %s must be named as %s"
                        .formatted(control.source(), group.name(), directory, real));
            }
        });
    }

    static Optional<Group> groupOf(ExecutionControl control, Path directory) {
        Optional<Group> own = control.groups().stream()
                .filter(group -> group.directory().equals(Optional.of(directory)))
                .findFirst();
        return own.or(() -> control.groups().stream()
                .filter(group -> group.directory().isEmpty())
                .findFirst());
    }

    private Signers signers(Group group, SifFile file) {
        Verification.Form form = switch (control.accepted()) {
            case CURRENT -> Verification.Form.CURRENT;
            case LEGACY -> Verification.Form.LEGACY;
        };
        try {
            return Verification.signers(
                    file, new Selection.AllGroups(), form, new KeyMaterial.Pgp(List.of(siteKeys.get())));
        } catch (ImageException e) {
            throw refused(group, "image signature not valid: " + e.getMessage()).hint(advice(group));
        }
    }

    /** Why a group does not take an image that these have signed. */
    static Optional<String> objection(Group group, Signers signers) {
        Set<String> verified = new TreeSet<>(signers.all());
        verified.removeAll(signers.unverified());
        return switch (group.mode()) {
            case WHITELIST ->
                group.keys().stream().anyMatch(verified::contains)
                        ? Optional.empty()
                        : Optional.of(missing("one of", group, signers, verified));
            case WHITESTRICT ->
                verified.containsAll(group.keys())
                        ? Optional.empty()
                        : Optional.of(missing("all of", group, signers, verified));
            case BLACKLIST ->
                group.keys().stream()
                        .filter(signers.any()::contains)
                        .findFirst()
                        .map(key -> "image signed by a forbidden entity: " + key);
        };
    }

    private static String missing(String howMany, Group group, Signers signers, Set<String> verified) {
        String others = new TreeSet<>(signers.any())
                .stream()
                        .filter(key -> !verified.contains(key))
                        .map(key -> signers.unverified().contains(key)
                                ? key + " (not verified with the site's keys)"
                                : key + " (not of every group of objects)")
                        .collect(Collectors.joining(", "));
        String signed = String.join(", ", verified) + (verified.isEmpty() || others.isEmpty() ? "" : ", ") + others;
        return "image not signed by required entities: it needs %s %s and has %s"
                .formatted(
                        howMany,
                        group.keys().isEmpty() ? "no key" : String.join(", ", group.keys()),
                        signed.isEmpty() ? "none" : signed);
    }

    private ImageException noGroup(Path directory) {
        String directories = control.groups().stream()
                .flatMap(group -> group.directory().stream())
                .map(Path::toString)
                .collect(Collectors.joining(", "));
        return new ImageException("image %s may not be run: execution control: %s is the directory of no group"
                        .formatted(SitePolicy.named(path, provenance), directory))
                .hint(
                        directories.isEmpty()
                                ? "%s names no group, so no image may be run".formatted(control.source())
                                : "images in %s may be run".formatted(directories));
    }

    private ImageException refused(Group group, String reason) {
        return new ImageException("image %s may not be run: execution control, group '%s' (%s%s): %s"
                .formatted(
                        SitePolicy.named(path, provenance),
                        group.name(),
                        group.mode().name().toLowerCase(java.util.Locale.ROOT),
                        group.directory().map(directory -> ", " + directory).orElse(""),
                        reason));
    }

    private String advice(Group group) {
        String place = group.directory().map(Path::toString).orElse("there");
        return switch (provenance) {
            case Provenance.Named() ->
                "'berth verify' shows its signatures; the administrators know who signs for this site";
            case Provenance.Converted(String uri) ->
                "what is made of %s here has no signature: pull it into a file, have that signed, and run it from %s"
                        .formatted(uri, place);
            case Provenance.Fetched(String uri) ->
                "pull it into a file: 'berth verify' shows its signatures, and the administrators know who signs for this site";
        };
    }
}
