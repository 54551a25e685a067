package org.berth.command;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.files.OwnFiles;
import org.berth.gather.BuildTarget;
import org.berth.gather.ImageName;
import org.berth.gather.Pulling;
import org.berth.gather.Sandboxes;
import org.berth.host.Host;
import org.berth.resolve.LocalImages;
import org.berth.resolve.Puller;
import org.berth.resolve.Purpose;
import org.berth.sif.Architecture;
import org.berth.squashfs.Unpacker;
import org.berth.terminal.Messages;

/** {@code build}: a SIF or a sandbox from any image. */
final class BuildCommand {
    private static final Pattern DEFINITION = Pattern.compile("(?mi)^[ \\t]*bootstrap[ \\t]*:");
    private static final int LOOKED_AT = 1 << 16;

    private final Invocation invocation;
    private final Host host;
    private final Messages messages;
    private final LocalImages images;
    private final Pulling pulling;
    private final boolean sandbox;

    BuildCommand(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
        this.images = new LocalImages(host, site);
        this.pulling = new Pulling(invocation, host, site, new TerminalListener(messages));
        this.sandbox = invocation.flag("sandbox");
    }

    int run() {
        String out = invocation.operands().getFirst();
        String source = invocation.operands().getLast();
        ImageName name = ImageName.parse(source);
        if (ImageName.hasScheme(out)) {
            throw new UsageException("'%s' is no file that could be made".formatted(out))
                    .hint("the new image stands first: berth build %s %s".formatted(source, out));
        }
        BuildTarget target =
                new BuildTarget(host, host.path(out), out, sandbox ? BuildTarget.Form.SANDBOX : BuildTarget.Form.FILE);
        target.requireFree(invocation.flag("force"), new TerminalListener(messages));
        boolean done = false;
        try {
            build(name, target);
            done = true;
        } finally {
            if (!done) {
                target.discard();
            }
        }
        messages.info("Build complete: " + out);
        messages.done(host.path(out));
        return ExitStatus.SUCCESS;
    }

    private void build(ImageName name, BuildTarget target) {
        switch (name) {
            case ImageName.LocalPath(String path) -> {
                Path file = host.path(path);
                LocalImages.Kind kind = kind(file, path);
                messages.info("Starting build...");
                if (kind instanceof LocalImages.Kind.Sif) {
                    messages.info("Verifying bootstrap image " + path);
                }
                messages.info("Extracting local image...");
                local(file, path, target);
            }
            case ImageName.Remote remote -> remote(remote, target);
            case ImageName.Whole whole -> {
                messages.info("Starting build...");
                Puller.PulledImage image = pulling.acquire(whole);
                try {
                    local(image.file(), whole.uri(), target);
                } finally {
                    if (image.temporary()) {
                        OwnFiles.remove(image.file());
                    }
                }
            }
        }
    }

    private LocalImages.Kind kind(Path file, String path) {
        try {
            return images.kind(file);
        } catch (ImageException e) {
            boolean definition = !host.isDirectory(file)
                    && host.isReadable(file)
                    && host.read(file, LOOKED_AT)
                            .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                            .filter(text -> DEFINITION.matcher(text).find())
                            .isPresent();
            if (definition) {
                throw new HostException("%s: building from definition files is not available yet".formatted(path), e)
                        .hint("images can be built from docker://…, archives, layouts, SIF files and sandboxes");
            }
            throw e;
        }
    }

    private void local(Path file, String named, BuildTarget target) {
        LocalImages.Kind kind = images.kind(file);
        if (!sandbox) {
            if (!(kind instanceof LocalImages.Kind.Sandbox) && invocation.given("compression")) {
                messages.warning(
                        "--compression has no effect: the file system of %s is taken over as it is".formatted(named));
            }
            pulling.localBuild(images).sif(file, named, machine(), Purpose.SIF, target.unfinished());
            target.publish();
        } else if (kind instanceof LocalImages.Kind.Sandbox) {
            // A copy that keeps hard links, modes and times is what packing and unpacking makes.
            throughSif(sif -> pulling.localBuild(images).sif(file, named, machine(), Purpose.SANDBOX, sif), target);
        } else {
            messages.info("Creating sandbox directory...");
            Sandboxes.unpack(kind, target, rights());
        }
    }

    private void remote(ImageName.Remote name, BuildTarget target) {
        if (sandbox) {
            throughSif(sif -> build(name, Purpose.SANDBOX, sif), target);
        } else {
            build(name, Purpose.SIF, target.unfinished());
            target.publish();
        }
    }

    private void build(ImageName.Remote name, Purpose purpose, Path file) {
        pulling.from(name, source -> {
            pulling.puller().build(source, purpose, file);
            return file;
        });
    }

    private Unpacker.Rights rights() {
        return invocation.flag("fix-perms") ? Unpacker.Rights.OWNERS : Unpacker.Rights.KEPT;
    }

    private interface SifMaking {
        void make(Path sif);
    }

    private void throughSif(SifMaking making, BuildTarget target) {
        Path sif = OwnFiles.temporary(
                pulling.places().temporaryDirectory(new TerminalListener(messages)), "berth-image-", ".sif");
        try {
            making.make(sif);
            Sandboxes.unpack(images.kind(sif), target, rights());
        } finally {
            OwnFiles.remove(sif);
        }
    }

    private Architecture machine() {
        return Architecture.ofWord(pulling.platform().architecture());
    }
}
