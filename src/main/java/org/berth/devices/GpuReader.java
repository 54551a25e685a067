package org.berth.devices;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.berth.config.GpuSettings;
import org.berth.devices.GpuRequest.Wish;
import org.berth.elf.ElfFile;
import org.berth.elf.ElfReader;
import org.berth.host.Host;

/**
 * Looks for GPUs and their drivers, through the one door.
 *
 * <p>No program of the host is run, and no device is opened: a GPU that sleeps takes seconds to wake.
 */
public final class GpuReader {
    private static final Path DEV = Path.of("/dev");
    private static final Path DRI = DEV.resolve("dri");
    private static final Path DRM_CLASS = Path.of("/sys/class/drm");
    private static final Path KFD_NODES = Path.of("/sys/class/kfd/kfd/topology/nodes");
    private static final String AMD_ID = "0x1002";
    private static final String INTEL_ID = "0x8086";
    private static final int MAX_CACHE = 16 << 20;
    private static final int MAX_TEXT = 64 << 10;
    private static final List<String> BINARY_DIRECTORIES =
            List.of("/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin");

    /** {@code e_machine} by the kernel's name of the machine. */
    private static final Map<String, Integer> MACHINES =
            Map.of("x86_64", 62, "aarch64", 183, "ppc64le", 21, "riscv64", 243);

    private final Host host;
    private final Path root;

    private GpuReader(Host host, Path root) {
        this.host = host;
        this.root = root;
    }

    /**
     * Whether this process belongs to a Slurm step or batch script that was given GPUs.
     *
     * <p>{@code --gpu-bind=none} leaves the first two unset; a step inherits the second from its batch script, given GPUs or not.
     */
    public static boolean inStepWithGpus(Host host) {
        return host.env("SLURM_JOB_ID").isPresent()
                && Stream.of("SLURM_STEP_GPUS", "SLURM_JOB_GPUS", "SLURM_GPUS_ON_NODE")
                        .filter(name -> !name.equals("SLURM_JOB_GPUS")
                                || host.env("SLURM_STEP_ID").isEmpty())
                        .anyMatch(name -> host.env(name)
                                .filter(value -> !value.isEmpty() && (!name.endsWith("NODE") || !value.equals("0")))
                                .isPresent());
    }

    /**
     * What there is of what was asked for.
     *
     * @param image asked only when there are libraries to compare with
     */
    public static GpuFacts read(Host host, GpuRequest request, GpuSettings settings, Supplier<ImageLibraries> image) {
        if (!GpuFacts.wanted(request)) {
            return GpuFacts.NONE;
        }
        GpuReader reader = new GpuReader(host, settings.driverRoot());
        Map<String, String> environment = new HashMap<>();
        for (String name : GpuFacts.VARIABLES) {
            host.env(name).ifPresent(value -> environment.put(name, value));
        }
        LinkerCache cache = host.read(reader.installed("/etc/ld.so.cache"), MAX_CACHE)
                .map(LinkerCache::parse)
                .orElse(LinkerCache.EMPTY);
        DriverFacts nvidia = request.nvidia() == Wish.NO ? DriverFacts.NONE : reader.nvidia(cache);
        DriverFacts amd = request.amd() == Wish.NO ? DriverFacts.NONE : reader.amd(cache, request.amd());
        DriverFacts intel = request.intel() == Wish.NO ? DriverFacts.NONE : reader.intel();
        boolean libraries = !nvidia.libraries().isEmpty() || !amd.libraries().isEmpty();
        return new GpuFacts(environment, nvidia, amd, intel, libraries ? image.get() : ImageLibraries.UNKNOWN);
    }

    // --- NVIDIA

    private DriverFacts nvidia(LinkerCache cache) {
        Optional<String> version = text(installed("/proc/driver/nvidia/version"))
                .or(() -> text(Path.of("/proc/driver/nvidia/version")))
                .flatMap(NvidiaFiles::kernelVersion);
        List<String> nodes = host.list(DEV).stream()
                .filter(name -> name.startsWith("nvidia") || name.equals("gdrdrv"))
                .toList();
        List<HostLibrary> libraries = new ArrayList<>(libraries(cache, NvidiaFiles.CANDIDATE));
        Optional<HostLibrary> cuda =
                libraries.stream().filter(l -> l.stem().equals("cuda")).findFirst();
        if (version.isEmpty()
                && nodes.isEmpty()
                && NvidiaFiles.libraryVersion(libraries, version).isEmpty()) {
            return DriverFacts.NONE;
        }
        cuda.flatMap(this::vdpau).ifPresent(libraries::add);
        List<HostFile> files = new ArrayList<>(programs(NvidiaFiles.PROGRAMS.keySet()));
        NvidiaFiles.CONFIGURATION.forEach(path ->
                shown(HostFile.Kind.CONFIGURATION, installed(path), path).ifPresent(files::add));
        NvidiaFiles.SOCKETS.forEach(
                path -> shown(HostFile.Kind.SOCKET, Path.of(path), path).ifPresent(files::add));
        pipes().ifPresent(files::add);
        return new DriverFacts(version, libraries, files, nvidiaGpus(nodes), nvidiaControls(nodes));
    }

    /** VDPAU's drivers lie in a directory of their own, which the linker does not search. */
    private Optional<HostLibrary> vdpau(HostLibrary cuda) {
        String name = cuda.name().replaceFirst("^libcuda\\.", "libvdpau_nvidia.");
        Path file = cuda.file().resolveSibling("vdpau").resolve(name);
        return elf(file).map(elf -> new HostLibrary(name, Set.of("libvdpau_nvidia.so.1"), file, elf));
    }

    /** Where a server of CUDA's multi-process service waits for its clients. */
    private Optional<HostFile> pipes() {
        Path directory = host.path(host.env("CUDA_MPS_PIPE_DIRECTORY")
                .filter(text -> text.startsWith("/"))
                .orElse("/tmp/nvidia-mps"));
        return host.isDirectory(directory)
                ? Optional.of(new HostFile(HostFile.Kind.PIPES, directory, directory))
                : Optional.empty();
    }

    private List<Gpu> nvidiaGpus(List<String> nodes) {
        Map<Integer, Map<String, String>> information = nvidiaInformation();
        List<Gpu> gpus = new ArrayList<>();
        for (String name : nodes) {
            if (!name.matches("nvidia[0-9]{1,4}")) {
                continue;
            }
            int minor = Integer.parseInt(name.substring("nvidia".length()));
            Map<String, String> known = information.getOrDefault(minor, Map.of());
            Optional<String> bus = Optional.ofNullable(known.get("Bus Location"));
            Path node = DEV.resolve(name);
            gpus.add(new Gpu(
                    node,
                    minor,
                    host.grantsAccess(node),
                    bus,
                    Optional.ofNullable(known.get("GPU UUID")),
                    bus.map(address -> Path.of("/sys/bus/pci/devices", address, "drm"))
                            .map(this::drawing)
                            .orElse(List.of())));
        }
        return gpus;
    }

    /** What the driver says of each GPU, by the minor number: its bus address and UUID. */
    private Map<Integer, Map<String, String>> nvidiaInformation() {
        Path installed = installed("/proc/driver/nvidia/gpus");
        Path directory = host.isDirectory(installed) ? installed : Path.of("/proc/driver/nvidia/gpus");
        Map<Integer, Map<String, String>> all = new HashMap<>();
        for (String bus : host.list(directory)) {
            Map<String, String> values = fields(directory.resolve(bus).resolve("information"), ":");
            String minor = values.getOrDefault("Device Minor", "");
            if (minor.matches("[0-9]{1,4}")) {
                Map<String, String> known = new HashMap<>(values);
                known.put("Bus Location", bus);
                all.put(Integer.parseInt(minor), known);
            }
        }
        return all;
    }

    private List<Path> nvidiaControls(List<String> nodes) {
        List<Path> controls = new ArrayList<>();
        for (String name : nodes) {
            Path node = DEV.resolve(name);
            if (host.isDirectory(node)) {
                // The capabilities of MIG instances and of the fabric: what the cgroup allows is what the step was
                // given.
                host.list(node).forEach(inner -> controls.add(node.resolve(inner)));
            } else if (!name.matches("nvidia[0-9]{1,4}")) {
                controls.add(node);
            }
        }
        return controls.stream().filter(host::grantsAccess).toList();
    }

    // --- AMD and Intel

    private DriverFacts amd(LinkerCache cache, Wish wish) {
        Path kfd = DEV.resolve("kfd");
        boolean driver = host.exists(kfd);
        List<Gpu> gpus = driver ? amdGpus() : List.of();
        // Without the driver nothing of the host is AMD's but by chance (libdrm, libnuma): an automatic wish leaves it
        // alone.
        if (!driver && wish == Wish.AUTO) {
            return DriverFacts.NONE;
        }
        return new DriverFacts(
                Optional.empty(),
                libraries(cache, AmdFiles.CANDIDATE),
                programs(AmdFiles.PROGRAMS),
                gpus,
                Stream.of(kfd).filter(host::grantsAccess).toList());
    }

    /** The GPUs in the order of the kernel's topology; where that is hidden, by the maker of the render nodes. */
    private List<Gpu> amdGpus() {
        List<Gpu> gpus = new ArrayList<>();
        List<Integer> nodes = host.list(KFD_NODES).stream()
                .filter(name -> name.matches("[0-9]{1,6}"))
                .map(Integer::valueOf)
                .sorted()
                .toList();
        for (int number : nodes) {
            Path node = KFD_NODES.resolve(Integer.toString(number));
            Map<String, String> properties = fields(node.resolve("properties"), " ");
            String minor = properties.getOrDefault("drm_render_minor", "0");
            boolean gpu = text(node.resolve("gpu_id"))
                    .filter(text -> !text.strip().equals("0"))
                    .isPresent();
            if (gpu && minor.matches("[1-9][0-9]{0,4}")) {
                gpus.addAll(renderGpu("renderD" + minor).stream().toList());
            }
        }
        return gpus.isEmpty() ? ofMaker(AMD_ID) : gpus;
    }

    private DriverFacts intel() {
        return new DriverFacts(Optional.empty(), List.of(), List.of(), ofMaker(INTEL_ID), List.of());
    }

    private List<Gpu> ofMaker(String id) {
        return host.list(DRM_CLASS).stream()
                .filter(name -> name.matches("renderD[0-9]{1,5}"))
                .filter(name -> text(DRM_CLASS.resolve(name).resolve("device/vendor"))
                        .filter(text -> text.strip().equals(id))
                        .isPresent())
                .flatMap(name -> renderGpu(name).stream())
                .toList();
    }

    private Optional<Gpu> renderGpu(String name) {
        Path node = DRI.resolve(name);
        if (!host.exists(node)) {
            return Optional.empty();
        }
        Path device = host.realPath(DRM_CLASS.resolve(name).resolve("device"));
        String bus = String.valueOf(device.getFileName());
        return Optional.of(new Gpu(
                node,
                Integer.parseInt(name.substring("renderD".length())),
                host.grantsAccess(node),
                bus.contains(":") ? Optional.of(bus) : Optional.empty(),
                Optional.empty(),
                drawing(device.resolve("drm")).stream()
                        .filter(path -> !path.equals(node))
                        .toList()));
    }

    /** The nodes below {@code /dev/dri} of a device, by its directory in sysfs. */
    private List<Path> drawing(Path drm) {
        return host.list(drm).stream()
                .filter(name -> name.matches("(card|renderD)[0-9]{1,5}"))
                .map(DRI::resolve)
                .filter(host::grantsAccess)
                .toList();
    }

    // --- Files of drivers

    /** Libraries of the cache by their real files: a file with several names in the cache is one library. */
    private List<HostLibrary> libraries(LinkerCache cache, Pattern wanted) {
        Map<Path, Set<String>> names = new LinkedHashMap<>();
        for (LinkerCache.Entry entry : cache.entries()) {
            if (wanted.matcher(entry.name()).matches()) {
                host.inside(root, entry.path())
                        .ifPresent(file -> names.computeIfAbsent(file, f -> new TreeSet<>())
                                .add(entry.name()));
            }
        }
        Map<String, HostLibrary> found = new LinkedHashMap<>();
        names.forEach((file, aliases) -> {
            String name = String.valueOf(file.getFileName());
            if (!found.containsKey(name)) {
                elf(file).ifPresent(elf -> {
                    Set<String> all = new TreeSet<>(aliases);
                    elf.soname().ifPresent(all::add);
                    all.remove(name);
                    found.put(name, new HostLibrary(name, all, file, elf));
                });
            }
        });
        return List.copyOf(found.values());
    }

    /** An ELF file of this machine, 64 bits wide; the cache lists those of others too. */
    private Optional<ElfFile> elf(Path file) {
        return host.readParts(file, parts -> ElfReader.read(parts::read))
                .flatMap(elf -> elf)
                .filter(elf -> elf.bits() == 64
                        && elf.machine() == MACHINES.getOrDefault(host.facts().machine(), elf.machine()));
    }

    private List<HostFile> programs(Collection<String> names) {
        Set<String> directories = new LinkedHashSet<>(BINARY_DIRECTORIES);
        if (root.equals(Path.of("/"))) {
            Stream.of(host.env("PATH").orElse("").split(":"))
                    .filter(directory -> directory.startsWith("/"))
                    .forEach(directories::add);
        }
        List<HostFile> programs = new ArrayList<>();
        for (String name : new TreeSet<>(names)) {
            directories.stream()
                    .flatMap(directory -> host.inside(root, directory + "/" + name).stream())
                    .filter(host::isExecutable)
                    .filter(file -> !host.isDirectory(file))
                    .findFirst()
                    .ifPresent(
                            file -> programs.add(new HostFile(HostFile.Kind.PROGRAM, file, Path.of("/usr/bin", name))));
        }
        return programs;
    }

    private Optional<HostFile> shown(HostFile.Kind kind, Path source, String target) {
        return host.exists(source) ? Optional.of(new HostFile(kind, source, Path.of(target))) : Optional.empty();
    }

    private Path installed(String path) {
        return host.inside(root, path).orElse(root.resolve(path.substring(1)));
    }

    private Optional<String> text(Path file) {
        return host.isReadable(file)
                ? host.read(file, MAX_TEXT).map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                : Optional.empty();
    }

    /** Lines of a name, a separator and a value. */
    private Map<String, String> fields(Path file, String separator) {
        Map<String, String> fields = new TreeMap<>();
        text(file).orElse("").lines().forEach(line -> {
            int at = line.indexOf(separator);
            if (at > 0) {
                fields.put(
                        line.substring(0, at).strip(),
                        line.substring(at + separator.length()).strip());
            }
        });
        return fields;
    }
}
