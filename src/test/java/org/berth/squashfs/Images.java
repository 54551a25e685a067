package org.berth.squashfs;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Trees made by a shell and images that mksquashfs makes of them. */
public final class Images {
    private Images() {}

    /** Files of all sizes and kinds; devices, foreign owners and what only root can read if the caller is root. */
    static Path variedTree(Path top) throws IOException {
        Files.createDirectories(top);
        shell(top, """
                umask 022
                : >empty; printf x >one
                head -c 131072 /dev/urandom >block; head -c 131073 /dev/urandom >block-and-one
                head -c 400000 /dev/urandom >blocks; head -c 131071 /dev/urandom >nearly-block
                seq 200000 >text; head -c 1000000 /dev/zero >zeros
                truncate -s 10M sparse
                printf middle | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
                printf end >hole-then-end; truncate -s 3000000 hole-then-end
                mkdir -p a/b/c d/e empty-dir modes
                for i in $(seq 300); do echo "small file $i" >a/b/f$i; done
                echo linked >a/first; ln a/first d/second; ln a/first d/e/third
                ln -s target link; ln -s /a/b absolute; ln -s ../a d/up; ln -s "$(printf 'l%.0s' $(seq 4000))" long
                ln link hard-link-to-link
                mkfifo fifo
                echo s >modes/suid; chmod 4755 modes/suid; mkdir modes/sticky; chmod 3777 modes/sticky
                mkdir modes/closed; echo in >modes/closed/in; ln modes/closed/in modes/in-again; chmod 0555 modes/closed
                if [ $(id -u) = 0 ]; then
                  echo s >modes/none; chmod 0000 modes/none
                  mkdir modes/shut; echo in >modes/shut/in; ln modes/shut/in modes/in-there; chmod 0000 modes/shut
                  mknod null c 1 3; mknod big-minor b 259 70000; chown 1000000:70000 one; chown -h 5:6 link
                fi
                find . -exec touch -h -d @1500000000 {} +
                touch -d @1 one; touch -d @4000000000 text
                # mksquashfs takes two names for one file only if nothing of it changes while it looks; with an access
                # time in the future, reading the link does not change it.
                touch -h -a -d 2100-01-01 link
                """);
        setXattr(top.resolve("one"), "small", "value".getBytes(StandardCharsets.UTF_8));
        setXattr(top.resolve("text"), "small", "value".getBytes(StandardCharsets.UTF_8));
        byte[] large = new byte[1500];
        Arrays.fill(large, (byte) 7);
        for (String name : List.of("block", "text", "a", "a/b/f1")) {
            setXattr(top.resolve(name), "large", large);
        }
        shell(top, "touch -d @1500000000 block a; touch -d @1 one; touch -d @4000000000 text");
        return top;
    }

    private static void setXattr(Path file, String name, byte[] value) throws IOException {
        UserDefinedFileAttributeView view = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
        assumeTrue(
                Files.getFileStore(file).supportsFileAttributeView(UserDefinedFileAttributeView.class),
                "the temporary directory has no extended attributes");
        view.write(name, ByteBuffer.wrap(value));
    }

    /** Skips the test where mksquashfs is missing or has not been built with that compressor. */
    static Path squash(Path tree, Path image, String... options) throws IOException {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/mksquashfs")),
                "mksquashfs is missing: install the package squashfs-tools");
        List<String> command = new ArrayList<>(
                List.of("mksquashfs", tree.toString(), image.toString(), "-noappend", "-quiet", "-no-progress"));
        command.addAll(List.of(options));
        String output = run(tree.getParent(), command);
        assumeTrue(!output.contains("is not supported") && !output.contains("Invalid compressor"), output);
        return image;
    }

    static SquashfsReader open(Path image) throws IOException {
        return SquashfsReader.open(image, 0, Files.size(image));
    }

    static String shell(Path directory, String script) throws IOException {
        return run(directory, List.of("bash", "-euc", script));
    }

    private static String run(Path directory, List<String> command) throws IOException {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            int status = process.waitFor();
            if (status != 0 && !output.contains("nvalid compressor") && !output.contains("is not supported")) {
                throw new IOException("%s: status %d: %s".formatted(command.getFirst(), status, output));
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        return output;
    }
}
