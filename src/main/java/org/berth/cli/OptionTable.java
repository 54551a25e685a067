package org.berth.cli;

import static org.berth.cli.Option.flag;
import static org.berth.cli.Option.list;
import static org.berth.cli.Option.map;
import static org.berth.cli.Option.repeated;
import static org.berth.cli.Option.text;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Every command and option: the one table behind parser, help, completion and docs/cli.md.
 *
 * <p>Names, short names and environment keys are Apptainer's, so that job scripts run unchanged.
 */
public final class OptionTable {
    private OptionTable() {}

    static final List<Option> GLOBAL = List.of(
            flag("debug", "print debugging messages").letter('d').env("DEBUG"),
            flag("verbose", "print additional information").letter('v').env("VERBOSE"),
            flag("quiet", "suppress informational messages").letter('q').env("QUIET"),
            flag("silent", "print only errors").letter('s').env("SILENT"),
            flag("nocolor", "print without colour").env("NOCOLOR"),
            text("config", "FILE", "another configuration file: berth.yaml, or apptainer.conf's directives")
                    .letter('c')
                    .env("CONFIG_FILE"),
            text("build-config", "FILE", "configuration of builds").accepted().secret(),
            flag("version", "print the version and exit"),
            flag("help", "show this help and exit").letter('h'));

    private static final Option HELP = flag("help", "show this help and exit").letter('h');

    private static final List<Option> REGISTRY = List.of(
            flag("no-https", "talk to the registry in plain http").env("NOHTTPS", "NO_HTTPS"),
            flag("docker-login", "ask for the registry's user name and password")
                    .env("DOCKER_LOGIN"),
            text("docker-username", "NAME", "user name for the registry")
                    .env("DOCKER_USERNAME")
                    .secret(),
            text("docker-password", "PASSWORD", "password for the registry")
                    .env("DOCKER_PASSWORD")
                    .secret(),
            text("docker-host", "URL", "address of a Docker daemon: unix:///PATH or tcp://HOST:PORT")
                    .env("DOCKER_HOST"),
            text("authfile", "FILE", "credentials in Docker's format").env("AUTH_FILE"),
            text("cacert", "FILE", "trust the certificates of this PEM file too")
                    .env("CACERT"),
            flag("offline", "use only what is in the cache").env("OFFLINE"));

    private static final Option LOGINS = text("config", "FILE", "the file that lists the logins, remote.yaml")
            .letter('c');

    private static final Option TMPDIR =
            text("tmpdir", "DIR", "directory for temporary files").env("TMPDIR").secret();

    private static final Option STORE =
            text("store", "DIR", "your part of the store that Slurm's plugin names (store=), instead of the cache");

    private static final List<Option> CACHE =
            List.of(flag("disable-cache", "neither use nor fill the cache").env("DISABLE_CACHE"), TMPDIR);

    private static final Option COMPRESSION = text(
                    "compression", "zstd|gzip[:LEVEL]", "compression of the image's squashfs")
            .env("COMPRESSION");

    private static final Option PROGRESS = text(
                    "progress", "auto|tty|plain|json|none", "how downloads and uploads are shown")
            .env("PROGRESS");

    private static final List<Option> LAUNCH = List.of(
            text("app", "NAME", "run this SCIF application of the image").env("APP", "APPNAME"),
            list("bind", "SRC[:DST[:OPTS]]", "make a path of the host visible; OPTS: ro, rw")
                    .letter('B')
                    .env("BIND", "BINDPATH"),
            repeated("mount", "SPEC", "the same in the form type=bind,src=SRC,dst=DST[,ro]")
                    .env("MOUNT"),
            text("home", "SRC[:DST]", "another home directory").letter('H').env("HOME"),
            list("overlay", "PATH[:ro]", "a layer over the image")
                    .letter('o')
                    .env("OVERLAY", "OVERLAYIMAGE")
                    .later(),
            list("scratch", "DIR", "an empty directory that is gone at the end")
                    .letter('S')
                    .env("SCRATCH", "SCRATCHDIR"),
            text("workdir", "DIR", "where /tmp, /var/tmp and $HOME of --contain are kept")
                    .letter('W')
                    .env("WORKDIR"),
            text("cwd", "DIR", "working directory in the container")
                    .alias("pwd")
                    .env("CWD", "TARGET_CWD", "PWD", "TARGET_PWD"),
            flag("no-home", "do not mount the home directory").env("NO_HOME"),
            list(
                            "no-mount",
                            "NAME",
                            "leave out default mounts: proc, sys, dev, devpts, home, tmp, hostfs, cwd, bind-paths, or a path")
                    .env("NO_MOUNT"),
            flag("contain", "an empty home and /tmp, a minimal /dev, no working directory of the host")
                    .letter('c')
                    .env("CONTAIN"),
            flag("containall", "--contain with own PID and IPC namespaces and a clean environment")
                    .letter('C')
                    .env("CONTAINALL"),
            flag("cleanenv", "do not pass the host's environment on")
                    .letter('e')
                    .env("CLEANENV"),
            flag("compat", "as other OCI runtimes: --containall --no-init --no-umask --writable-tmpfs --no-eval")
                    .env("COMPAT"),
            map("env", "NAME=VALUE", "set a variable in the container"),
            repeated("env-file", "FILE", "set the variables that a shell file assigns")
                    .env("ENV_FILE"),
            list("no-env", "NAME", "do not pass these variables of the host on").env("NOENV"),
            flag("no-eval", "do not let a shell evaluate variables and arguments")
                    .env("NO_EVAL"),
            flag("no-umask", "umask 0022 instead of the caller's").env("NO_UMASK"),
            flag("fakeroot", "appear as root").letter('f').env("FAKEROOT").later(),
            flag("userns", "run in a user namespace, as is always done without privileges")
                    .letter('u')
                    .env("USERNS", "UNSHARE_USERNS")
                    .accepted(),
            flag("pid", "a PID namespace of its own").letter('p').env("PID", "UNSHARE_PID"),
            flag("no-pid", "no PID namespace of its own, whatever --containall or --compat say")
                    .env("NO_PID"),
            flag("ipc", "an IPC namespace of its own").letter('i').env("IPC", "UNSHARE_IPC"),
            flag("net", "a network namespace of its own, with nothing but a loopback interface")
                    .letter('n')
                    .env("NET", "UNSHARE_NET"),
            list("network", "NAME", "kind of network; only none is to be had").env("NETWORK"),
            list("network-args", "ARGS", "arguments of the network")
                    .env("NETWORK_ARGS")
                    .later(),
            text("netns-path", "PATH", "join this network namespace")
                    .env("NETNS_PATH")
                    .later(),
            flag("uts", "a host name of its own").env("UTS", "UNSHARE_UTS"),
            text("hostname", "NAME", "this host name; implies --uts").env("HOSTNAME"),
            list("dns", "ADDRESS", "name servers for /etc/resolv.conf").env("DNS"),
            flag("no-init", "no shim as process 1 of a PID namespace").env("NOSHIMINIT"),
            flag("writable", "write to the sandbox itself").letter('w').env("WRITABLE"),
            flag("writable-tmpfs", "write to memory; gone at the end").env("WRITABLE_TMPFS"),
            text("tmpfs-size", "SIZE", "how much may be written to memory, as 512M or 4G")
                    .env("TMPFS_SIZE"),
            flag("underlay", "mount points by bind mounts instead of an overlay")
                    .env("UNDERLAY")
                    .later(),
            flag("unsquash", "unpack the image into a temporary directory first")
                    .env("UNSQUASH"),
            flag("sharens", "share one container among processes of the same parent")
                    .env("SHARENS")
                    .later(),
            flag("nv", "use the NVIDIA devices and driver libraries").env("NV"),
            flag("no-nv", "no NVIDIA support").env("NV_OFF").secret(),
            flag("rocm", "use the AMD devices and libraries").env("ROCM"),
            flag("no-rocm", "no AMD support").env("ROCM_OFF").secret(),
            flag("nvccli", "use nvidia-container-cli").env("NVCCLI").later(),
            flag("compat32", "32-bit GPU libraries too").env("COMPAT32").later(),
            flag("intel-hpu", "use Intel Gaudi devices").env("INTEL_HPU").later(),
            list("device", "VENDOR/CLASS=NAME", "a CDI device").later(),
            list("cdi-dirs", "DIR", "where CDI specifications are").later(),
            text("apply-cgroups", "FILE", "resource limits from a file")
                    .env("APPLY_CGROUPS")
                    .later(),
            text("memory", "BYTES", "memory limit").env("MEMORY").later(),
            text("memory-reservation", "BYTES", "soft memory limit")
                    .env("MEMORY_RESERVATION")
                    .later(),
            text("memory-swap", "BYTES", "limit of memory and swap")
                    .env("MEMORY_SWAP")
                    .later(),
            flag("oom-kill-disable", "do not kill when out of memory")
                    .env("OOM_KILL_DISABLE")
                    .later(),
            text("cpus", "N", "number of CPUs").env("CPUS").later(),
            text("cpu-shares", "N", "CPU weight").env("CPU_SHARES").later(),
            text("cpuset-cpus", "LIST", "CPUs to run on").env("CPUSET_CPUS").later(),
            text("cpuset-mems", "LIST", "memory nodes to use")
                    .env("CPUSET_MEMS")
                    .later(),
            text("pids-limit", "N", "largest number of processes")
                    .env("PIDS_LIMIT")
                    .later(),
            text("blkio-weight", "N", "block I/O weight").env("BLKIO_WEIGHT").later(),
            list("blkio-weight-device", "DEVICE:N", "block I/O weight of a device")
                    .env("BLKIO_WEIGHT_DEVICE")
                    .later(),
            list("security", "OPTION", "security features").env("SECURITY").later(),
            text("add-caps", "LIST", "capabilities to add").env("ADD_CAPS").later(),
            text("drop-caps", "LIST", "capabilities to drop").env("DROP_CAPS").later(),
            flag("keep-privs", "root keeps all capabilities").env("KEEP_PRIVS").later(),
            flag("no-privs", "drop all capabilities").env("NO_PRIVS").later(),
            flag("allow-setuid", "allow set-uid programs (root)")
                    .env("ALLOW_SETUID")
                    .later(),
            list("fusemount", "SPEC", "a FUSE file system").env("FUSESPEC").later(),
            text("passphrase", "", "ask for the passphrase of an encrypted image")
                    .env("ENCRYPTION_PASSPHRASE")
                    .later(),
            text("pem-path", "FILE", "key of an encrypted image")
                    .env("ENCRYPTION_PEM_PATH")
                    .later(),
            flag("ignore-subuid", "").env("IGNORE_SUBUID").accepted().secret(),
            flag("ignore-fakeroot-command", "")
                    .env("IGNORE_FAKEROOT_COMMAND")
                    .accepted()
                    .secret(),
            flag("ignore-userns", "").env("IGNORE_USERNS").accepted().secret(),
            list("containlibs", "FILE", "").env("CONTAINLIBS").later().secret(),
            flag("dry-run", "print the plan of the launch, run nothing").env("DRY_RUN"),
            flag("explain", "say in words what the launch would do, run nothing"));

    private static final Option LIBRARY = text("library", "URL", "address of the library that library:// means")
            .env("LIBRARY");

    private static final List<Option> ACTION = join(LAUNCH, REGISTRY, CACHE, List.of(COMPRESSION, PROGRESS, LIBRARY));

    /** The options of a Slurm step that no launch on the command line has. */
    private static final List<Option> STEP = List.of(
            text("ready-fd", "FD", "descriptor to be told on that the container is ready")
                    .secret(),
            text("release-fd", "FD", "descriptor whose end ends the container").secret(),
            list("mounts", "SRC[:DST[:FLAGS]]", "mounts, as --container-mounts has them"),
            flag("mount-home", "mount the home directory"),
            flag("read-only", "nothing of the image may be written"),
            list("keep-env", "NAME", "variables whose value of the host wins over the image's"),
            repeated("step-dir", "DIR", "a directory of the step that is visible at the same path"),
            flag("entrypoint", "run the image's entrypoint for its environment"),
            text("name", "NAME[:MODE]", "name of a container that is kept"),
            text("job", "ID", "the job with which that container ends"),
            flag("remap-root", "appear as root"),
            list("unshare", "NAME", "namespaces that the node's tasks have to themselves: ipc, net, uts"),
            text("save", "PATH", "where the changed image is written at the end"),
            text("node", "NAME", "what %N in that path stands for"),
            text("nodes", "N", "nodes of the step"),
            text("options", "TEXT", "launch options, as one text"),
            text("called", "NAME", "what the user calls the image").secret(),
            text("pmi", "NAME", "how the step's tasks find each other: none, pmi2, pmix")
                    .secret(),
            text("store", "DIR", "where images are kept that all nodes see; each user has a directory in it"),
            flag("fill", "pull the image into the cache, and print its file"));

    private static final List<Option> BUILD = List.of(
            flag("sandbox", "make a directory instead of a file").letter('s').env("SANDBOX"),
            flag("force", "overwrite what is there").letter('F').env("FORCE"),
            text("arch", "NAME", "architecture of the image").env("BUILD_ARCH"),
            text("arch-variant", "NAME", "variant of the architecture").env("BUILD_ARCH_VARIANT"),
            flag("reproducible", "the same bytes whenever it is built").env("REPRODUCIBLE"),
            text("mksquashfs-args", "ARGS", "for compatibility: -comp and -Xcompression-level choose the compression")
                    .env("MKSQUASHFS_ARGS"),
            flag("fakeroot", "appear as root in the sections of a definition file")
                    .letter('f')
                    .env("FAKEROOT")
                    .accepted(),
            flag("fix-perms", "let the owner of a sandbox read and write all of it")
                    .env("FIXPERMS"),
            flag("no-cleanup", "").env("NO_CLEANUP").accepted().secret(),
            flag("notest", "do not run the tests of a definition file")
                    .letter('T')
                    .env("NOTEST")
                    .accepted(),
            flag("update", "run a definition file over an existing sandbox")
                    .letter('u')
                    .env("UPDATE")
                    .later(),
            list("section", "NAME", "only these sections of a definition file")
                    .env("SECTION")
                    .later(),
            repeated("build-arg", "NAME=VALUE", "value of a variable of a definition file")
                    .later(),
            text("build-arg-file", "FILE", "values of such variables").later(),
            flag("warn-unused-build-args", "warn of values that are not used, instead of failing")
                    .later(),
            list("bind", "SRC[:DST[:OPTS]]", "make a path of the host visible in %post")
                    .letter('B')
                    .env("BIND", "BINDPATH")
                    .accepted(),
            repeated("mount", "SPEC", "the same in the form type=bind,src=SRC,dst=DST")
                    .env("MOUNT")
                    .accepted(),
            flag("writable-tmpfs", "write to memory in %test")
                    .env("WRITABLE_TMPFS")
                    .accepted(),
            flag("nv", "use the NVIDIA devices in %post").env("NV").accepted(),
            flag("rocm", "use the AMD devices in %post").env("ROCM").accepted(),
            flag("nvccli", "use nvidia-container-cli").env("NVCCLI").accepted(),
            flag("compat32", "32-bit GPU libraries too").env("COMPAT32").accepted(),
            flag("encrypt", "encrypt the image").letter('e').env("ENCRYPT").later(),
            flag("passphrase", "ask for the passphrase of an encrypted image").later(),
            text("pem-path", "FILE", "key of an encrypted image")
                    .env("ENCRYPTION_PEM_PATH")
                    .later(),
            flag("data", "make a data container").env("DATA").later(),
            flag("json", "the definition is JSON").later(),
            text("buildkit-host", "URL", "address of a BuildKit daemon")
                    .env("BUILDKIT_HOST")
                    .later(),
            LIBRARY,
            flag("userns", "").env("USERNS").accepted().secret(),
            flag("ignore-subuid", "").env("IGNORE_SUBUID").accepted().secret(),
            flag("ignore-fakeroot-command", "")
                    .env("IGNORE_FAKEROOT_COMMAND")
                    .accepted()
                    .secret(),
            flag("ignore-userns", "").env("IGNORE_USERNS").accepted().secret(),
            flag("ignore-proot", "").env("IGNORE_PROOT").accepted().secret(),
            flag("remote", "").letter('r').env("REMOTE").later().secret());

    private static final Option KEYSDIR =
            text("keysdir", "DIR", "where the OpenPGP keys are").letter('d').env("KEYSDIR");

    private static final Option GLOBAL_KEYS =
            flag("global", "the installation's public keys").letter('g');

    static final List<CommandSpec> COMMANDS = List.of(
            action("exec", "IMAGE COMMAND [ARG...]", "Run a command within a container", 2, List.of()),
            action(
                    "run",
                    "IMAGE [ARG...]",
                    "Run the user-defined default command within a container",
                    1,
                    List.of(text("runscript-timeout", "DURATION", "")
                            .env("RUNSCRIPT_TIMEOUT")
                            .accepted()
                            .secret())),
            action(
                    "shell",
                    "IMAGE",
                    "Run a shell within a container",
                    1,
                    List.of(text("shell", "PROGRAM", "the shell to run")
                            .letter('s')
                            .env("SHELL"))),
            action("test", "IMAGE [ARG...]", "Run the user-defined tests within a container", 1, List.of()),
            step("hold", 0),
            step("resolve", 1),
            step("save", 0),
            command(
                    "pull",
                    "[OUTPUT] URI",
                    "Pull an image from a URI",
                    1,
                    2,
                    join(
                            List.of(
                                    flag("force", "overwrite an existing file")
                                            .letter('F')
                                            .env("FORCE"),
                                    text("dir", "DIR", "directory for the image")
                                            .env("PULLDIR", "PULLFOLDER"),
                                    text("arch", "NAME", "architecture to pull").env("PULL_ARCH"),
                                    text("arch-variant", "NAME", "variant of the architecture")
                                            .env("PULL_ARCH_VARIANT"),
                                    flag("sandbox", "make a directory").env("SANDBOX"),
                                    flag("reproducible", "the same bytes whenever it is pulled")
                                            .env("REPRODUCIBLE"),
                                    flag("allow-unsigned", "")
                                            .letter('U')
                                            .env("ALLOW_UNSIGNED")
                                            .accepted(),
                                    flag("allow-unauthenticated", "").accepted().secret(),
                                    flag("no-cleanup", "")
                                            .env("NO_CLEANUP")
                                            .accepted()
                                            .secret(),
                                    text("name", "FILE", "name of the image").secret(),
                                    LIBRARY),
                            REGISTRY,
                            CACHE,
                            List.of(COMPRESSION, PROGRESS))),
            command(
                    "build",
                    "OUTPUT SOURCE",
                    "Build an image from another one: docker://, an archive, a layout, a SIF, a sandbox",
                    2,
                    2,
                    join(BUILD, REGISTRY, CACHE, List.of(COMPRESSION, PROGRESS))),
            command(
                    "inspect",
                    "IMAGE",
                    "Show metadata for an image",
                    1,
                    1,
                    List.of(
                            flag("labels", "show the labels (default)").letter('l'),
                            flag("deffile", "show the definition file").letter('d'),
                            flag("runscript", "show the runscript").letter('r'),
                            flag("startscript", "show the startscript").letter('s'),
                            flag("test", "show the test script").letter('t'),
                            flag("environment", "show the environment scripts").letter('e'),
                            flag("helpfile", "show the help").letter('H'),
                            flag("list-apps", "list the SCIF applications"),
                            text("app", "NAME", "inspect this SCIF application"),
                            flag("json", "print JSON").letter('j'),
                            flag("all", "show everything, as JSON"))),
            command(
                    "run-help",
                    "IMAGE",
                    "Show the user-defined help for an image",
                    1,
                    1,
                    List.of(text("app", "NAME", "of this SCIF application"))),
            command(
                    "cache list",
                    "",
                    "List your local cache",
                    0,
                    0,
                    List.of(
                            list("type", "TYPES", "only these: library, oci-tmp, shub, blob, net, oras, all")
                                    .letter('T'),
                            flag("verbose", "a line for each entry").letter('v'),
                            STORE)),
            command(
                    "cache clean",
                    "",
                    "Clean your local cache",
                    0,
                    0,
                    List.of(
                            list("type", "TYPES", "only these: library, oci-tmp, shub, blob, net, oras, all")
                                    .letter('T'),
                            text("days", "N", "only entries older than N days").letter('D'),
                            flag("dry-run", "say what would be removed").letter('n'),
                            flag("force", "do not ask").letter('f'),
                            STORE)),
            command(
                    "cache where",
                    "[blobs|images|tmp|upper|run|stage]",
                    "Show where things are kept on this machine",
                    0,
                    1,
                    List.of(flag("explain", "each place that was considered, and what became of it"), TMPDIR, STORE)),
            command(
                    "cache gc",
                    "",
                    "Remove the least recently used files of your cache down to a limit",
                    0,
                    0,
                    List.of(
                            text("max-bytes", "SIZE", "leave at most that much, such as 500M or 20G"),
                            text("max-files", "N", "leave at most so many files"),
                            flag("dry-run", "say what would be removed").letter('n'),
                            STORE)),
            command(
                    "cache verify",
                    "",
                    "Read all of your cache, and remove what is damaged",
                    0,
                    0,
                    List.of(
                            list("type", "TYPES", "only these: library, oci-tmp, shub, blob, net, oras, all")
                                    .letter('T'),
                            STORE)),
            command(
                    "cache pin",
                    "[IMAGE...]",
                    "Keep images from cache gc, pulling those that are missing; without IMAGE: list them",
                    0,
                    CommandSpec.ANY,
                    join(REGISTRY, List.of(COMPRESSION, TMPDIR, STORE))),
            command(
                    "cache unpin",
                    "IMAGE...",
                    "Let cache gc remove images again, by name or by what cache list -v shows",
                    1,
                    CommandSpec.ANY,
                    List.of(STORE)),
            command("container list", "", "List your named containers on this machine", 0, 0, List.of()),
            command(
                    "container save",
                    "NAME FILE",
                    "Write a named container as an image: FILE.sif, or FILE.sqsh for a squashfs",
                    2,
                    2,
                    join(
                            List.of(
                                    flag("force", "overwrite what is there").letter('F'),
                                    text("job", "ID", "one that ends with this Slurm job"),
                                    COMPRESSION),
                            REGISTRY,
                            CACHE)),
            command(
                    "container remove",
                    "[NAME...]",
                    "Remove named containers with what was written into them",
                    0,
                    CommandSpec.ANY,
                    List.of(
                            flag("all", "all of yours on this machine").letter('a'),
                            text("job", "ID", "those of a Slurm job; with names: these of it"))),
            command("sif list", "IMAGE", "List the objects of a SIF", 1, 1, List.of()),
            command("sif header", "IMAGE", "Show the header of a SIF", 1, 1, List.of()),
            command("sif info", "ID IMAGE", "Show an object's descriptor", 2, 2, List.of()),
            command("sif dump", "ID IMAGE", "Write an object to standard output", 2, 2, List.of()),
            command("sif new", "IMAGE", "Create a SIF without objects; an existing file is replaced", 1, 1, List.of()),
            command(
                    "sif add",
                    "IMAGE FILE|-",
                    "Add an object to a SIF",
                    2,
                    2,
                    List.of(
                            text(
                                    "datatype",
                                    "N",
                                    "what is added: 1 definition, 2 environment, 3 labels, 4 partition, 5 signature,"
                                            + " 6 JSON, 7 anything, 8 encrypted key, 9 SBOM"),
                            text("parttype", "N", "of a partition: 1 system, 2 primary system, 3 data, 4 overlay"),
                            text(
                                    "partfs",
                                    "N",
                                    "of a partition: 1 squashfs, 2 ext3, 3 archive, 4 raw, 5 encrypted squashfs,"
                                            + " 6 gocryptfs squashfs"),
                            text(
                                    "partarch",
                                    "N",
                                    "of a partition: 1 386, 2 amd64, 3 arm, 4 arm64, 5 ppc64, 6 ppc64le, 7 mips,"
                                            + " 8 mipsle, 9 mips64, 10 mips64le, 11 s390x, 12 riscv64, 13 loong64"),
                            text(
                                    "signhash",
                                    "N",
                                    "of a signature: 1 SHA-256, 2 SHA-384, 3 SHA-512, 4 BLAKE2s, 5 BLAKE2b"),
                            text("signentity", "FINGERPRINT", "of a signature: who signed"),
                            text("sbomformat", "NAME", "of an SBOM: cyclonedx-json, spdx-json, ..."),
                            text("groupid", "N", "the object's group (default: none)"),
                            text("link", "ID", "the object it belongs to (default: none)"),
                            text("alignment", "BYTES", "a power of two (default: 4096 for partitions, else 1)"),
                            text("filename", "NAME", "the object's name (default: the file's)"))),
            command("sif del", "ID IMAGE", "Delete an object from a SIF", 2, 2, List.of()),
            command("sif setprim", "ID IMAGE", "Make a system partition the one that runs", 2, 2, List.of()),
            command(
                    "sign",
                    "IMAGE",
                    "Add digital signatures to an image",
                    1,
                    1,
                    List.of(
                            text("group-id", "N", "sign the objects of this group only")
                                    .letter('g')
                                    .alias("groupid"),
                            text("sif-id", "ID", "sign this object only")
                                    .letter('i')
                                    .alias("id"),
                            text("key", "FILE", "sign with this private key (PEM), not with OpenPGP")
                                    .env("SIGN_KEY"),
                            text("keyidx", "N", "the OpenPGP key: its number in 'key list --secret'")
                                    .letter('k'),
                            KEYSDIR,
                            flag("all", "all groups, as is the default")
                                    .letter('a')
                                    .accepted()
                                    .secret())),
            command(
                    "verify",
                    "IMAGE",
                    "Verify the signatures of an image",
                    1,
                    1,
                    List.of(
                            text("group-id", "N", "verify the objects of this group only")
                                    .letter('g')
                                    .alias("groupid"),
                            text("sif-id", "ID", "verify this object only")
                                    .letter('i')
                                    .alias("id"),
                            text("key", "FILE", "accept signatures of this public key (PEM)")
                                    .env("VERIFY_KEY"),
                            flag("local", "use the keys of the keyrings only, as is always done")
                                    .letter('l')
                                    .env("LOCAL_VERIFY")
                                    .accepted(),
                            flag("json", "print JSON").letter('j'),
                            flag("all", "with --legacy-insecure: verify every object")
                                    .letter('a'),
                            flag(
                                    "legacy-insecure",
                                    "accept signatures of Singularity before 3.6, which protect no metadata"),
                            KEYSDIR,
                            text("url", "URL", "a key server").letter('u').later(),
                            text("certificate", "FILE", "accept signatures of this certificate")
                                    .env("VERIFY_CERTIFICATE")
                                    .later(),
                            text("certificate-intermediates", "FILE", "further certificates")
                                    .env("VERIFY_INTERMEDIATES")
                                    .later(),
                            text("certificate-roots", "FILE", "certificates that are trusted")
                                    .env("VERIFY_ROOTS")
                                    .later(),
                            flag("ocsp-verify", "ask whether certificates are revoked")
                                    .env("VERIFY_OCSP")
                                    .later())),
            command(
                    "key newpair",
                    "",
                    "Make an OpenPGP key pair",
                    0,
                    0,
                    List.of(
                            text("name", "NAME", "whose key it is").letter('N'),
                            text("email", "ADDRESS", "the owner's address").letter('E'),
                            text("comment", "TEXT", "a comment").letter('C'),
                            text("password", "PASSPHRASE", "of the secret key; '' for none (default: asked for)")
                                    .letter('P'),
                            text("bit-length", "N", "length of the key (default: 4096)")
                                    .letter('b'),
                            flag("push", "upload the public key").letter('U').later(),
                            KEYSDIR)),
            command(
                    "key list",
                    "",
                    "List the keys of a keyring",
                    0,
                    0,
                    List.of(flag("secret", "the secret keys").letter('s').env("SECRET"), GLOBAL_KEYS, KEYSDIR)),
            command(
                    "key import",
                    "FILE",
                    "Add the keys of a file to the keyrings",
                    1,
                    1,
                    List.of(flag("new-password", "give the secret key a new passphrase"), GLOBAL_KEYS, KEYSDIR)),
            command(
                    "key export",
                    "FILE",
                    "Write a key to a file",
                    1,
                    1,
                    List.of(
                            flag("secret", "a secret key").letter('s'),
                            flag("armor", "as ASCII text").letter('a'),
                            GLOBAL_KEYS,
                            KEYSDIR)),
            command(
                    "key remove",
                    "FINGERPRINT",
                    "Remove a key from the keyrings",
                    1,
                    1,
                    List.of(
                            flag("public", "from the public keys, as is the default")
                                    .letter('p'),
                            flag("secret", "from the secret keys").letter('s').alias("private"),
                            flag("both", "from both").letter('b'),
                            GLOBAL_KEYS,
                            KEYSDIR)),
            command(
                    "push",
                    "IMAGE URI",
                    "Upload a SIF to a registry: oras://HOST/NAME:TAG",
                    2,
                    2,
                    join(
                            List.of(
                                    text("description", "TEXT", "description of the image")
                                            .letter('D'),
                                    repeated("annotation", "NAME=VALUE", "an annotation of the manifest"),
                                    flag("allow-unsigned", "")
                                            .letter('U')
                                            .env("ALLOW_UNSIGNED")
                                            .accepted(),
                                    text("library", "URL", "")
                                            .env("LIBRARY")
                                            .accepted()
                                            .secret()),
                            REGISTRY,
                            List.of(PROGRESS))),
            command(
                    "registry login",
                    "URI",
                    "Log in to an OCI registry: docker://HOST or oras://HOST",
                    1,
                    1,
                    List.of(
                            text("username", "NAME", "user name").letter('u').env("LOGIN_USERNAME"),
                            text("password", "PASSWORD", "password or token; others of this machine can see it")
                                    .letter('p')
                                    .env("LOGIN_PASSWORD"),
                            flag("password-stdin", "read the password from standard input"),
                            text("authfile", "FILE", "keep the credential in this file")
                                    .env("AUTH_FILE"),
                            flag("insecure", "talk to the registry in plain http")
                                    .letter('i')
                                    .env("LOGIN_INSECURE"),
                            flag("no-https", "the same").env("NOHTTPS", "NO_HTTPS"),
                            text("cacert", "FILE", "trust the certificates of this PEM file too")
                                    .env("CACERT"),
                            LOGINS)),
            command(
                    "registry logout",
                    "URI",
                    "Log out of an OCI registry",
                    1,
                    1,
                    List.of(
                            text("authfile", "FILE", "forget the credential of this file")
                                    .env("AUTH_FILE"),
                            LOGINS)),
            command("registry list", "", "List the registries that you are logged in to", 0, 0, List.of(LOGINS)),
            command("version", "", "Show the version", 0, 0, List.of()),
            command("help", "[COMMAND...]", "Help about any command", 0, CommandSpec.ANY, List.of()),
            command("completion", "[bash|zsh]", "Print a script for the shell's completion", 0, 1, List.of()),
            later("instance", "COMMAND", "Manage containers running as services"),
            later("overlay", "COMMAND", "Manage writable overlays"),
            later("config", "COMMAND", "Manage the configuration"),
            later("capability", "COMMAND", "Manage capabilities"),
            later("remote", "COMMAND", "Manage remote endpoints"),
            later("keyserver", "COMMAND", "Manage key servers"),
            later("plugin", "COMMAND", "Manage plugins"),
            later("oci", "COMMAND", "Manage OCI containers"),
            later("checkpoint", "COMMAND", "Manage checkpoints"),
            later("delete", "URI", "Delete an image from a registry"),
            later("search", "TERM", "Search for images"),
            later("buildcfg", "[NAME]", "Show build-time values"));

    /** The commands that hold others: {@code cache}, {@code sif}. */
    static boolean isGroup(String word) {
        return COMMANDS.stream().anyMatch(c -> c.name().startsWith(word + " "));
    }

    static Optional<CommandSpec> command(String name) {
        return COMMANDS.stream().filter(c -> c.name().equals(name)).findFirst();
    }

    private static CommandSpec action(String name, String operands, String summary, int least, List<Option> more) {
        return new CommandSpec(
                name, operands, summary, least, CommandSpec.ANY, true, join(ACTION, more, List.of(HELP)));
    }

    private static CommandSpec command(
            String name, String operands, String summary, int least, int most, List<Option> options) {
        return new CommandSpec(name, operands, summary, least, most, true, join(options, List.of(HELP)));
    }

    /** What the Slurm plugin calls; no summary, so no help shows it. */
    private static CommandSpec step(String name, int least) {
        return new CommandSpec(name, "IMAGE", "", least, 1, true, join(ACTION, STEP));
    }

    private static CommandSpec later(String name, String operands, String summary) {
        return new CommandSpec(name, operands, summary, 0, CommandSpec.ANY, false, List.of(HELP));
    }

    @SafeVarargs
    private static List<Option> join(List<Option>... lists) {
        return Stream.of(lists).flatMap(List::stream).toList();
    }
}
