package org.berth.devices;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.berth.config.GpuSettings;
import org.berth.devices.GpuRequest.Audience;
import org.berth.devices.GpuRequest.Wish;

/** From what was asked for and what is there to what a container needs for its GPUs; nothing is looked at here. */
public final class GpuPlanner {
    /** The variables by which programs choose among the GPUs that they see, and Slurm among those of a step. */
    static final List<String> MASKS = List.of(
            "CUDA_VISIBLE_DEVICES",
            "ROCR_VISIBLE_DEVICES",
            "HIP_VISIBLE_DEVICES",
            "GPU_DEVICE_ORDINAL",
            "ZE_AFFINITY_MASK");

    private GpuPlanner() {}

    /** What of {@code /dev} the container has. */
    public enum DeviceView {
        /** The host's, with all GPUs: only the cgroup hides any. */
        WHOLE,
        /** A new one, with the nodes that are put there. */
        CHOSEN
    }

    public static GpuPlan plan(GpuRequest request, GpuFacts facts, GpuSettings.Order order, DeviceView view) {
        return GpuFacts.wanted(request) ? new Planning(request, facts, order, view).plan() : GpuPlan.NOTHING;
    }

    /** Those of one maker's GPUs that a container has, and how numbers on the outside become numbers on the inside. */
    record Choice(List<Gpu> gpus, Map<Integer, Integer> renumbered) {}

    private static final class Planning {
        private final GpuRequest request;
        private final GpuFacts facts;
        private final GpuSettings.Order order;
        private final DeviceView view;
        private final List<String> warnings = new ArrayList<>();
        private final List<HostLibrary> libraries = new ArrayList<>();
        private final List<HostFile> files = new ArrayList<>();
        private final Set<Path> devices = new LinkedHashSet<>();
        private final Map<Integer, Integer> renumbered = new HashMap<>();

        Planning(GpuRequest request, GpuFacts facts, GpuSettings.Order order, DeviceView view) {
            this.request = request;
            this.facts = facts;
            this.order = order;
            this.view = view;
        }

        GpuPlan plan() {
            nvidia();
            amd();
            devices(facts.intel(), choose(facts.intel().gpus(), Optional.empty()), true);
            Map<String, String> environment = view == DeviceView.CHOSEN ? environment() : Map.of();
            return new GpuPlan(
                    libraries,
                    files,
                    view == DeviceView.CHOSEN ? List.copyOf(devices) : List.of(),
                    MASKS,
                    environment,
                    warnings);
        }

        private void nvidia() {
            DriverFacts driver = facts.nvidia();
            // A container that has its GPUs by another way says so to hooks inside it; an option is a clearer wish.
            boolean refused = request.nvidia() == Wish.AUTO
                    && facts.environment()
                            .getOrDefault("NVIDIA_VISIBLE_DEVICES", "")
                            .equals("void");
            if (request.nvidia() == Wish.NO || refused) {
                return;
            }
            Set<NvidiaFiles.Capability> capabilities = NvidiaFiles.capabilities(
                    Optional.ofNullable(facts.environment().get("NVIDIA_DRIVER_CAPABILITIES")), warnings);
            List<HostLibrary> ofDriver = nvidiaLibraries(driver, capabilities);
            if (ofDriver.isEmpty() && driver.files().isEmpty()) {
                missing(request.nvidia(), "nv");
                if (driver.gpus().isEmpty()) {
                    return;
                }
            }
            add(ofDriver);
            driver.files().stream()
                    .filter(file -> NvidiaFiles.wanted(file, capabilities))
                    .forEach(files::add);
            devices(
                    driver,
                    choose(
                            driver.gpus(),
                            Optional.ofNullable(facts.environment().get("NVIDIA_VISIBLE_DEVICES"))),
                    capabilities.contains(NvidiaFiles.Capability.GRAPHICS));
        }

        private List<HostLibrary> nvidiaLibraries(DriverFacts driver, Set<NvidiaFiles.Capability> capabilities) {
            Optional<String> installed = NvidiaFiles.libraryVersion(driver.libraries(), driver.version());
            if (installed.isEmpty()) {
                return List.of();
            }
            String version = installed.orElseThrow();
            driver.version()
                    .filter(running -> !running.equals(version))
                    .ifPresent(running -> warnings.add(
                            "the kernel runs the NVIDIA driver %s, but its libraries here are of %s: programs may refuse them"
                                    .formatted(running, version)));
            return driver.libraries().stream()
                    .filter(library -> NvidiaFiles.ofDriver(library, version)
                            || NvidiaFiles.neutral(library) && facts.image().lacks(library))
                    .filter(library -> NvidiaFiles.wanted(library, capabilities))
                    .toList();
        }

        private void amd() {
            DriverFacts driver = facts.amd();
            if (request.amd() == Wish.NO) {
                return;
            }
            if (driver.libraries().isEmpty() && driver.files().isEmpty()) {
                missing(request.amd(), "rocm");
            }
            add(driver.libraries().stream().filter(facts.image()::lacks).toList());
            files.addAll(driver.files());
            devices(driver, choose(driver.gpus(), Optional.empty()), true);
        }

        private void missing(Wish wish, String name) {
            if (wish == Wish.YES) {
                warnings.add("Could not find any %s files on this host!".formatted(name));
            }
        }

        /** A library that the image's linker would refuse is worse than none: the refusal hides the true cause. */
        private void add(List<HostLibrary> wanted) {
            Map<String, Set<String>> refused = new TreeMap<>();
            for (HostLibrary library : wanted) {
                Set<String> unmet = facts.image().unmet(library);
                if (unmet.isEmpty()) {
                    libraries.add(library);
                } else {
                    refused.put(library.name(), unmet);
                }
            }
            if (!refused.isEmpty()) {
                warnings.add("left out, since the image's glibc is too old: %s (needs %s)"
                        .formatted(
                                String.join(", ", refused.keySet()),
                                refused.values().stream()
                                        .flatMap(Set::stream)
                                        .collect(Collectors.toCollection(TreeSet::new))
                                        .stream()
                                        .collect(Collectors.joining(", "))));
            }
        }

        private void devices(DriverFacts driver, Choice choice, boolean graphics) {
            renumbered.putAll(choice.renumbered());
            devices.addAll(driver.controls());
            for (Gpu gpu : choice.gpus()) {
                devices.add(gpu.node());
                if (graphics) {
                    devices.addAll(gpu.graphics());
                }
            }
        }

        /**
         * The GPUs that the container has.
         *
         * <p>Where the cgroup forbids some, it is the truth, and Slurm's variables are not: a task that is bound to one GPU
         * has {@code SLURM_STEP_GPUS=0}, whichever it is. Where it forbids none, those variables are all there is.
         */
        private Choice choose(List<Gpu> found, Optional<String> visible) {
            List<Gpu> all = found.stream().sorted(comparator()).toList();
            List<Gpu> granted = all.stream().filter(Gpu::granted).toList();
            if (request.audience() == Audience.STEP) {
                return new Choice(facts.hasOneTaskPerNode() ? granted : all, Map.of());
            }
            List<Gpu> chosen = granted.size() == all.size() ? ofStep(all) : granted;
            chosen = visible(chosen, granted, visible);
            Map<Integer, Integer> numbers = new HashMap<>();
            if (chosen.size() < granted.size()) {
                for (int i = 0; i < granted.size(); i++) {
                    int inside = chosen.indexOf(granted.get(i));
                    if (inside >= 0) {
                        numbers.put(i, inside);
                    }
                }
            }
            return new Choice(chosen, numbers);
        }

        private Comparator<Gpu> comparator() {
            Comparator<Gpu> byMinor = Comparator.comparingInt(Gpu::minor);
            return switch (order) {
                case MINOR -> byMinor;
                case PCI ->
                    Comparator.comparing((Gpu gpu) -> gpu.bus().orElse("")).thenComparing(byMinor);
            };
        }

        private List<Gpu> ofStep(List<Gpu> all) {
            Optional<String> text = facts.variablesOfGivenGpus()
                    .map(name -> facts.environment().getOrDefault(name, ""))
                    .filter(value -> !value.isEmpty())
                    .findFirst();
            if (text.isEmpty()) {
                return all;
            }
            Set<Gpu> named = new LinkedHashSet<>();
            for (String word : words(text.orElseThrow())) {
                List<Gpu> matching = named(word, all);
                if (matching.isEmpty()) {
                    // Of another maker's GPUs, or of MIG instances: a guess would hide what the step was given.
                    return all;
                }
                named.addAll(matching);
            }
            return all.stream().filter(named::contains).toList();
        }

        private List<Gpu> visible(List<Gpu> chosen, List<Gpu> granted, Optional<String> visible) {
            String text = visible.orElse("").strip();
            if (text.equals("none")) {
                return List.of();
            }
            if (text.isEmpty() || text.equals("all") || text.equals("void") || text.startsWith("MIG-")) {
                return chosen;
            }
            Set<Gpu> named = new LinkedHashSet<>();
            for (String word : words(text)) {
                List<Gpu> matching = named(word, granted);
                if (matching.isEmpty()) {
                    warnings.add("NVIDIA_VISIBLE_DEVICES names %s, and there is no such GPU here".formatted(word));
                }
                named.addAll(matching);
            }
            return chosen.stream().filter(named::contains).toList();
        }

        /** The GPU of a number in Slurm's order, or of a UUID that may be cut short. */
        private static List<Gpu> named(String word, List<Gpu> all) {
            if (word.matches("[0-9]{1,4}")) {
                int index = Integer.parseInt(word);
                return index < all.size() ? List.of(all.get(index)) : List.of();
            }
            return all.stream()
                    .filter(gpu -> word.length() > "GPU-".length()
                            && gpu.uuid().filter(uuid -> uuid.startsWith(word)).isPresent())
                    .toList();
        }

        /** The words of a list of numbers and UUIDs; {@code 0-3} stands for four. */
        private static List<String> words(String text) {
            List<String> words = new ArrayList<>();
            for (String part : text.split(",")) {
                String word = part.strip();
                if (word.matches("[0-9]{1,4}-[0-9]{1,4}")) {
                    int dash = word.indexOf('-');
                    IntStream.rangeClosed(
                                    Integer.parseInt(word.substring(0, dash)),
                                    Integer.parseInt(word.substring(dash + 1)))
                            .forEach(i -> words.add(Integer.toString(i)));
                } else if (!word.isEmpty()) {
                    words.add(word);
                }
            }
            return words;
        }

        /** Numbers count what is visible, so hiding some changes the others'; UUIDs stay what they are. */
        private Map<String, String> environment() {
            Map<String, String> changed = new TreeMap<>();
            String injected = facts.environment().getOrDefault("NVIDIA_VISIBLE_DEVICES", "");
            if (request.nvidia() != Wish.NO
                    && !Set.of("", "all", "void", "none").contains(injected)) {
                // The numbers were the host's; void keeps a hook inside from taking them for its own.
                changed.put("NVIDIA_VISIBLE_DEVICES", "void");
            }
            if (renumbered.isEmpty()) {
                return changed;
            }
            for (String name : MASKS) {
                // HIP counts among what ROCR left, which has been renumbered already.
                boolean second = name.equals("HIP_VISIBLE_DEVICES")
                        && facts.environment().containsKey("ROCR_VISIBLE_DEVICES");
                String mask = facts.environment().getOrDefault(name, "");
                if (!second && mask.matches("[0-9]{1,4}(,[0-9]{1,4})*")) {
                    renumber(name, mask).ifPresent(text -> {
                        changed.put(name, text);
                        changed.put("BERTH_HOST_" + name, mask);
                    });
                }
            }
            return changed;
        }

        private Optional<String> renumber(String name, String mask) {
            List<String> numbers = new ArrayList<>();
            for (String word : mask.split(",")) {
                Integer inside = renumbered.get(Integer.parseInt(word));
                if (inside == null) {
                    warnings.add("%s=%s names a GPU that the container does not have".formatted(name, mask));
                    return Optional.empty();
                }
                numbers.add(Integer.toString(inside));
            }
            return Optional.of(String.join(",", numbers));
        }
    }
}
