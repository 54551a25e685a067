package org.berth.gather;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.berth.cache.StagedImages;
import org.berth.cache.Uses;
import org.berth.config.SiteConfig;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.files.OutputFiles;
import org.berth.files.Reason;
import org.berth.host.Host;
import org.berth.place.Candidate;
import org.berth.place.Placement;
import org.berth.place.Probe;
import org.berth.place.Role;
import org.berth.place.StageRule;
import org.berth.resolve.LocalImages;

/**
 * Images of a shared file system on the nodes' own disks (docs/slurm.md): copied by each node, or sent to all of them by
 * {@code sbcast} where srun runs inside an allocation. What fails costs the copy: the image is mounted where it is.
 */
public final class Staging {
    private static final int SAID = 4096;

    private final Host host;
    private final SiteConfig site;
    private final Places places;
    private final Listener listener;

    public Staging(Host host, SiteConfig site, Places places, Listener listener) {
        this.host = host;
        this.site = site;
        this.places = places;
        this.listener = listener;
    }

    /** On a node: the copy of an image file, or the file itself. */
    public Path staged(Path image) {
        if (!applies(image)) {
            return image;
        }
        requireRunnable(image);
        Placement placement = places.placement(Role.STAGE);
        try {
            Path base = placement
                    .path()
                    .orElseThrow(() -> new HostException("there is no place for it: " + placement.objections()));
            return StagedImages.open(base, places.owners()).copyOf(image, origin(image), events());
        } catch (BerthException e) {
            listener.warning("the image is not copied to this node, but mounted from %s: %s"
                    .formatted(OutputFiles.folder(image), e.getMessage()));
            return image;
        }
    }

    /** For who only asks: the copy that is there, or the file and a line on what would be done. */
    public Path planned(Path image) {
        if (!applies(image)) {
            return image;
        }
        Placement placement = places.placement(Role.STAGE);
        Optional<Path> copy =
                placement.path().flatMap(base -> StagedImages.present(base, places.owners(), image, origin(image)));
        if (copy.isEmpty()) {
            listener.info(placement
                    .path()
                    .map(base -> "This node would copy the image to %s first, and mount it from there".formatted(base))
                    .orElseGet(() ->
                            "This node would not copy the image, there is no place for it: " + placement.objections()));
        }
        return copy.orElse(image);
    }

    /** Before it is copied: what is wrong with an image is told of the file that the user knows. */
    private void requireRunnable(Path image) {
        LocalImages local = new LocalImages(host, site);
        local.runnable(local.kind(image), image, "", LocalImages.Mounting.UNPACK);
    }

    private StagedImages.Origin origin(Path image) {
        boolean cached =
                places.cacheDirectory().flatMap(root -> Uses.entry(root, image)).isPresent()
                        && host.statNow(image)
                                .filter(file -> file.uid() == host.facts().uid())
                                .isPresent();
        return cached ? StagedImages.Origin.OWN_CACHE : StagedImages.Origin.ELSEWHERE;
    }

    private StagedImages.Events events() {
        return new StagedImages.Events() {
            @Override
            public void waiting(String whom) {
                listener.info(whom);
            }

            @Override
            public void copying(Path to) {
                listener.info("Copying the image to " + to);
            }
        };
    }

    private boolean applies(Path image) {
        if (site.places().stagePaths().isEmpty() || !Files.isRegularFile(image)) {
            return false;
        }
        try {
            return StageRule.applies(
                    site.places(), Probe.ofThisMachine().kindOf(image).nature(), Files.size(image), nodes());
        } catch (IOException e) {
            return false;
        }
    }

    private int nodes() {
        for (String name : List.of("SLURM_STEP_NUM_NODES", "SLURM_NNODES")) {
            Optional<String> number = host.env(name).filter(text -> text.matches("[0-9]{1,7}"));
            if (number.isPresent()) {
                return Integer.parseInt(number.get());
            }
        }
        return 1;
    }

    /** In srun, inside an allocation: sends an image of the store to all nodes, once per job. */
    public void broadcast(Path image) {
        Optional<String> job = host.env("SLURM_JOB_ID").filter(text -> text.matches("[0-9]{1,10}"));
        Optional<Path> sbcast = program("sbcast");
        Optional<Path> target = places.candidates(Role.STAGE).stream()
                .map(Candidate::path)
                .flatMap(Optional::stream)
                .findFirst()
                .flatMap(base -> StagedImages.delivery(base, places.owners(), image));
        Optional<Path> root = places.cacheDirectory();
        boolean first = job.isPresent()
                && sbcast.isPresent()
                && target.isPresent()
                && nodes() > 1
                && applies(image)
                && root.flatMap(directory -> Uses.entry(directory, image))
                        .map(entry -> new Uses(root.orElseThrow(), places.owners()).claim(entry, job.get()))
                        .orElse(false);
        if (first) {
            listener.info("Sending the image to the job's nodes");
            // Without --force: the name is a new one, and a file that is there is somebody else's.
            send(List.of(
                    sbcast.orElseThrow().toString(),
                    image.toString(),
                    target.orElseThrow().toString()));
        }
    }

    private void send(List<String> command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .start();
            String said = new String(process.getInputStream().readNBytes(SAID), StandardCharsets.UTF_8);
            process.getInputStream().transferTo(OutputStream.nullOutputStream());
            int status = process.waitFor();
            if (status != 0) {
                listener.warning("sbcast ended with status %d, so each node copies the image itself: %s"
                        .formatted(status, said.strip().lines().findFirst().orElse("")));
            }
        } catch (IOException e) {
            listener.warning("sbcast could not be run, so each node copies the image itself: " + Reason.of(e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Optional<Path> program(String name) {
        return List.of(host.env("PATH").orElse("/usr/bin:/bin").split(":")).stream()
                .filter(directory -> directory.startsWith("/"))
                .map(directory -> Path.of(directory, name))
                .filter(host::isExecutable)
                .findFirst();
    }
}
