package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.devices.GpuPlan;
import org.berth.image.RunnableImage;

/** What runs in the container, with which environment, rights and working directory. */
final class Payload {
    private static final String DEFAULT_SHELL = "/bin/sh";

    private Payload() {}

    static List<Op> of(LaunchRequest request, RunnableImage image, LaunchHost host, GpuPlan gpus, List<Note> notes) {
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Umask(request.process().callersUmask() ? host.facts().umask() : 0022));
        ops.add(new Op.Privileges(
                host.facts().root() || request.isolation().identity() == LaunchRequest.Identity.ROOT));
        ops.addAll(ContainerEnvironment.ofCaller(request, host, gpus));
        ops.add(WorkingDirectory.enter(request, host, notes));
        ops.add(ContainerEnvironment.ofImage(request, image, host, gpus));
        ops.addAll(ContainerEnvironment.kept(request));
        ops.add(
                switch (request.lifetime()) {
                    case Lifetime.Foreground() -> exec(request, host);
                    case Lifetime.Held(int readyFd, int releaseFd) -> new Op.Hold(readyFd, releaseFd);
                });
        return ops;
    }

    private static Op exec(LaunchRequest request, LaunchHost host) {
        return switch (request.action()) {
            case EXEC -> new Op.Exec(request.process().argvIndex(), List.of());
            case SHELL -> new Op.ExecShell(shells(request));
            case RUN ->
                new Op.ExecScript(
                        request.process().argvIndex(),
                        host.shell(),
                        request.process()
                                .app()
                                .map(app -> List.of(appScript(app, "runscript")))
                                .orElse(List.of(Path.of("/.singularity.d/runscript"), Path.of("/singularity"))),
                        request.process()
                                .app()
                                .map(app -> Op.Otherwise.stop(1, "Could not locate the container application: " + app))
                                .orElse(Op.Otherwise.shell("No runscript found in container, executing /bin/sh")));
            case TEST ->
                new Op.ExecScript(
                        request.process().argvIndex(),
                        host.shell(),
                        request.process()
                                .app()
                                .map(app -> List.of(appScript(app, "test")))
                                .orElse(List.of(Path.of("/.singularity.d/test"))),
                        Op.Otherwise.nothing("No test script found in container, nothing to do"));
        };
    }

    private static Path appScript(String app, String name) {
        return Path.of("/scif/apps", app, "scif", name);
    }

    private static List<List<String>> shells(LaunchRequest request) {
        List<List<String>> shells = new ArrayList<>();
        request.process()
                .shell()
                .ifPresent(program -> shells.add(List.of(program.startsWith("/") ? program : "/bin/" + program)));
        shells.add(List.of("/bin/bash", "--norc"));
        shells.add(List.of(DEFAULT_SHELL));
        return shells;
    }
}
