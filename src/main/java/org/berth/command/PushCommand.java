package org.berth.command;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.Reason;
import org.berth.gather.RegistryAccess;
import org.berth.host.Host;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.ImageReference;
import org.berth.oci.MediaTypes;
import org.berth.oci.Progress;
import org.berth.oci.SifArtifact;
import org.berth.registry.BlobContent;
import org.berth.registry.RegistryClient;
import org.berth.registry.RegistrySettings.Transport;
import org.berth.resolve.PullEvents;
import org.berth.sif.SifFile;
import org.berth.terminal.Messages;
import org.berth.terminal.ShownEvents;

/** {@code push}: a SIF into a registry, as it is. */
final class PushCommand {
    /** Of the specification of OCI images, annotations.md. */
    private static final String CREATED = "org.opencontainers.image.created";

    private static final Pattern URI = Pattern.compile("([a-z][a-z0-9-]*):(?://)?(.*)");

    private final Invocation invocation;
    private final Host host;
    private final Messages messages;

    PushCommand(Invocation invocation, Host host, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.messages = messages;
    }

    int run() {
        String name = invocation.operands().getFirst();
        ImageReference reference = reference(invocation.operands().getLast());
        Map<String, String> annotations = annotations();
        Path file = host.path(name);
        if (!host.exists(file)) {
            throw new HostException(
                    "Unable to push image to oci registry: unable to open: %s: no such file or directory"
                            .formatted(name));
        }
        SifFile.read(file);
        Digest digest = digest(file);
        Descriptor sif = new Descriptor(
                SifArtifact.LAYER, digest, host.stat(file).orElseThrow().size(), Map.of());
        byte[] manifest = SifArtifact.manifest(digest, sif.size(), String.valueOf(file.getFileName()), annotations);
        try (RegistryClient client = new RegistryAccess(invocation, host, new TerminalListener(messages))
                        .client(Transport.HTTPS_OR_LOOPBACK);
                PullEvents.ShownProgress progress = new ShownEvents(messages).progress()) {
            client.upload(reference, sif, BlobContent.of(file), progress);
            client.upload(reference, SifArtifact.config(), BlobContent.of(SifArtifact.configBytes()), Progress.NONE);
            Digest pushed = client.tag(reference, manifest, MediaTypes.OCI_MANIFEST);
            progress.close();
            messages.info("Digest: " + pushed);
        }
        messages.info("Upload complete");
        messages.done();
        return ExitStatus.SUCCESS;
    }

    private static ImageReference reference(String uri) {
        Matcher matcher = URI.matcher(uri);
        if (!matcher.matches() || !uri.contains("://")) {
            throw new UsageException("bad uri " + uri).hint("write oras://HOST/NAME:TAG");
        }
        if (matcher.group(1).equals("library")) {
            throw new UsageException("%s: libraries can be pulled from, not pushed to".formatted(uri))
                    .hint("a SIF is pushed to oras://HOST/NAME:TAG, and pulled from there");
        }
        if (!matcher.group(1).equals("oras")) {
            throw new UsageException("Unsupported transport type: " + matcher.group(1))
                    .hint("a SIF is pushed to oras://HOST/NAME:TAG, and pulled from there");
        }
        ImageReference reference = ImageReference.parse(matcher.group(2), "oras");
        if (reference.digest().isPresent()) {
            throw new UsageException("%s names a digest; what is pushed gets its own".formatted(uri))
                    .hint("name a tag instead");
        }
        return reference;
    }

    private Map<String, String> annotations() {
        Map<String, String> annotations = new TreeMap<>();
        for (String text : invocation.values("annotation")) {
            int equals = text.indexOf('=');
            if (equals <= 0) {
                throw new UsageException("--annotation %s: not of the form NAME=VALUE".formatted(text));
            }
            annotations.put(text.substring(0, equals), text.substring(equals + 1));
        }
        invocation.value("description").ifPresent(text -> annotations.put(SifArtifact.DESCRIPTION, text));
        annotations.putIfAbsent(CREATED, created());
        return annotations;
    }

    /** Of the push, in whole seconds; SOURCE_DATE_EPOCH stands for it where the same push is to have the same digest. */
    private String created() {
        Instant now = host.env("SOURCE_DATE_EPOCH")
                .filter(text -> text.matches("[0-9]{1,11}"))
                .map(text -> Instant.ofEpochSecond(Long.parseLong(text)))
                .orElseGet(Instant::now);
        return now.truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private static Digest digest(Path file) {
        MessageDigest hasher = Digest.sha256(new byte[0]).hasher();
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), hasher)) {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new HostException("could not read %s: %s".formatted(file, Reason.of(e)), e);
        }
        return Digest.of("sha256", hasher.digest());
    }
}
