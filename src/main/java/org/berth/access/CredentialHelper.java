package org.berth.access;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.json.Json;
import org.berth.json.JsonObject;
import org.berth.registry.Credential;

/**
 * A program {@code docker-credential-NAME} that keeps credentials (docker/docker-credential-helpers).
 *
 * <p>It is told the registry, and a secret, on its standard input, and what it says on its standard error is not shown.
 *
 * @param file that names it, for messages
 */
record CredentialHelper(String name, String file, Host host, Duration patience) {
    static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int MAX_OUTPUT = 1 << 20;
    private static final Executor THREADS = task -> Thread.ofVirtual().start(task);

    /** What a helper answered. */
    sealed interface Answer {
        record Text(String text) implements Answer {}

        /** It has no such credential. */
        record Nothing() implements Answer {}

        /** @param reason half a sentence that names the helper */
        record Failed(String reason) implements Answer {}
    }

    static CredentialHelper of(String name, String file, Host host) {
        return new CredentialHelper(name, file, host, PATIENCE);
    }

    String program() {
        return "docker-credential-" + name;
    }

    /** The registry's credential; what is wrong with the helper otherwise. */
    Answer get(String registry) {
        return run("get", CredentialFile.key(registry));
    }

    Optional<Credential> credential(Answer.Text answer) {
        try {
            JsonObject root = JsonObject.parse(answer.text().getBytes(StandardCharsets.UTF_8), program());
            return root.text("Secret")
                    .filter(secret -> !secret.isEmpty())
                    .map(secret -> CredentialFile.of(root.text("Username").orElse(""), secret, program()));
        } catch (ImageException e) {
            return Optional.empty();
        }
    }

    Answer store(String registry, String user, String secret) {
        return run(
                "store",
                Json.text(Json.object()
                        .put("ServerURL", CredentialFile.key(registry))
                        .put("Username", user)
                        .put("Secret", secret)));
    }

    Answer erase(String registry) {
        return run("erase", CredentialFile.key(registry));
    }

    private Answer run(String action, String input) {
        if (!name.matches("[A-Za-z0-9._-]+")) {
            return new Answer.Failed("%s names a credential helper that is no program's name".formatted(file));
        }
        Optional<Path> found = installed();
        if (found.isEmpty()) {
            return new Answer.Failed("%s, which %s names, is not installed".formatted(program(), file));
        }
        ProcessBuilder builder = new ProcessBuilder(found.orElseThrow().toString(), action);
        builder.environment().clear();
        builder.environment().putAll(host.facts().environment());
        builder.redirectError(ProcessBuilder.Redirect.DISCARD);
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            return new Answer.Failed("%s, which %s names, could not be run".formatted(program(), file));
        }
        try {
            CompletableFuture<String> output = CompletableFuture.supplyAsync(() -> talk(process, input), THREADS);
            String text = output.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new TimeoutException();
            }
            if (process.exitValue() == 0) {
                return new Answer.Text(text);
            }
            return text.contains("credentials not found")
                    ? new Answer.Nothing()
                    : new Answer.Failed("%s, which %s names, failed".formatted(program(), file));
        } catch (TimeoutException e) {
            return new Answer.Failed("%s, which %s names, did not answer within %d s"
                    .formatted(program(), file, Math.max(1, patience.toSeconds())));
        } catch (ExecutionException e) {
            return new Answer.Failed("%s, which %s names, failed".formatted(program(), file));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Answer.Failed("%s was interrupted".formatted(program()));
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    /** In the caller's PATH, absolute directories only: a helper in the working directory is somebody else's. */
    private Optional<Path> installed() {
        return Stream.of(host.env("PATH").orElse("").split(":"))
                .filter(directory -> directory.startsWith("/"))
                .map(directory -> Path.of(directory, program()))
                .filter(path -> host.isExecutable(path) && !host.isDirectory(path))
                .findFirst();
    }

    private static String talk(Process process, String input) {
        try (InputStream in = process.getInputStream()) {
            try (OutputStream out = process.getOutputStream()) {
                out.write(input.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // It did not want to hear it all; its exit status tells.
            }
            return new String(in.readNBytes(MAX_OUTPUT), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
