package org.berth.launcher;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.berth.error.UsageException;
import org.berth.host.Bytes;
import org.berth.launch.LaunchPlan;
import org.berth.launch.Op;

/** A plan as the launcher reads it, and as {@code --dry-run} shows it; the format is docs/plan.md. */
public final class PlanWriter {
    private static final String VERSION = "1";

    private PlanWriter() {}

    /** The NUL-terminated words. */
    public static byte[] bytes(LaunchPlan plan) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(16 * 1024);
        word(out, "berth-plan");
        word(out, VERSION);
        for (Op op : plan.ops()) {
            List<String> words = words(op);
            word(out, words.getFirst());
            word(out, Integer.toString(words.size() - 1));
            words.subList(1, words.size()).forEach(w -> word(out, w));
        }
        word(out, "end");
        return out.toByteArray();
    }

    /** A line an operation; words that a shell would not take as they are stand in quotes. */
    public static String text(LaunchPlan plan) {
        return plan.ops().stream()
                .map(op -> words(op).stream().map(PlanWriter::quoted).collect(Collectors.joining(" ")) + "\n")
                .collect(Collectors.joining());
    }

    private static void word(ByteArrayOutputStream out, String word) {
        if (word.indexOf('\0') >= 0) {
            throw new UsageException("'%s' holds a NUL byte".formatted(word.replace("\0", "\\0")));
        }
        out.writeBytes(Bytes.encode(word));
        out.write(0);
    }

    private static String quoted(String word) {
        return word.matches("[A-Za-z0-9_./:=,+@%^-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }

    static List<String> words(Op op) {
        return switch (op) {
            case Op.Level(int level) -> List.of("level", Integer.toString(level));
            case Op.Lease(var lock, boolean again, String name) ->
                List.of("lease", lock.toString(), again ? "again" : "refuse", name);
            case Op.Join(var lock, int pid, long startTime, String name) ->
                List.of("join", lock.toString(), Integer.toString(pid), Long.toString(startTime), name);
            case Op.Unshare(var namespaces) ->
                List.of("unshare", namespaces.stream().map(Op.Namespace::word).collect(Collectors.joining(",")));
            case Op.MapIds(String uids, String gids) -> List.of("map-ids", uids, gids);
            case Op.Loopback() -> List.of("loopback");
            case Op.Hostname(String name) -> List.of("hostname", name);
            case Op.Session(var directory, var size) ->
                List.of("session", directory.toString(), size.isPresent() ? Long.toString(size.getAsLong()) : "half");
            case Op.ImageDirectory(var directory, var options) ->
                List.of("image-dir", directory.toString(), options.text());
            case Op.ImageSquash(var file, long offset, var server, var identity) ->
                with(
                        List.of("image-squash", file.toString(), Long.toString(offset), server.toString()),
                        identity.stream().toList());
            case Op.ImageLoop(var file, long offset, long size, var identity) ->
                with(
                        List.of("image-loop", file.toString(), Long.toString(offset), Long.toString(size)),
                        identity.stream().toList());
            case Op.ImageTemporary(var directory, var identity) ->
                with(
                        List.of("image-temporary", directory.toString()),
                        identity.stream().toList());
            case Op.RemoveFile(var file) -> List.of("remove-file", file.toString());
            case Op.Skeleton(var target, boolean directory, boolean always) ->
                withOptional(List.of("skeleton", target.toString(), directory ? "dir" : "file"), always, "always");
            case Op.RootOverlay(boolean writable) -> List.of("root-overlay", writable ? "rw" : "ro");
            case Op.RootOverlayDirectory(var upper, var work, boolean writable, var lower) ->
                with(
                        List.of("root-overlay-dir", upper.toString(), work.toString(), writable ? "rw" : "ro"),
                        lower.stream().map(Object::toString).toList());
            case Op.RootBind(boolean writable) -> List.of("root-bind", writable ? "rw" : "ro");
            case Op.Bind(var source, var target, var options, var missing, String what, var inside) ->
                with(
                        List.of("bind", source.toString(), target.toString(), options.text(), missing.word(), what),
                        inside.stream()
                                .map(point -> point.directory()
                                        ? point.path() + "/"
                                        : point.path().toString())
                                .toList());
            case Op.BindSession(String source, var target, var options, var missing, String what) ->
                List.of("bind-session", source, target.toString(), options.text(), missing.word(), what);
            case Op.Mount(String type, String source, var target, var options, String data, var missing, String what) ->
                List.of("mount", type, source, target.toString(), options.text(), data, missing.word(), what);
            case Op.SkipIfSame(var one, var other) -> List.of("skip-if-same", one.toString(), other.toString());
            case Op.MakeDirectory(var target, int mode) ->
                List.of("make-dir", target.toString(), Integer.toOctalString(mode));
            case Op.Symlink(String text, var target) -> List.of("symlink", text, target.toString());
            case Op.SessionFile(String path, int mode, String content) ->
                List.of("file", path, Integer.toOctalString(mode), content);
            case Op.SessionDirectory(String path, int mode) ->
                List.of("make-session-dir", path, Integer.toOctalString(mode));
            case Op.HostDirectory(var path, int mode) ->
                List.of("make-host-dir", path.toString(), Integer.toOctalString(mode));
            case Op.Passwd(String line) -> List.of("passwd", line);
            case Op.Group(var lines) -> with(List.of("group"), lines);
            case Op.Pivot() -> List.of("pivot");
            case Op.Identity(String uids, String gids) -> List.of("identity", uids, gids);
            case Op.Umask(int mask) -> List.of("umask", Integer.toOctalString(mask));
            case Op.EnvironmentKeep(var names) -> with(List.of("env-keep"), names);
            case Op.EnvironmentDrop(var patterns) -> with(List.of("env-drop"), patterns);
            case Op.EnvironmentSet(String name, String value) -> List.of("env-set", name, value);
            case Op.EnvironmentOfImage(var shell, String script, String name, var variables) ->
                with(
                        List.of("env-image", shell.toString(), script, name),
                        variables.entrySet().stream()
                                .map(e -> e.getKey() + "=" + e.getValue())
                                .toList());
            case Op.Privileges(boolean keep) -> List.of("privileges", keep ? "keep" : "drop");
            case Op.Init() -> List.of("init");
            case Op.Fork() -> List.of("fork");
            case Op.WorkingDirectory(boolean fatal, var candidates) ->
                with(
                        List.of("cwd", fatal ? "fatal" : "warn"),
                        candidates.stream().map(Object::toString).toList());
            case Op.Hold(int ready, int release) -> List.of("hold", Integer.toString(ready), Integer.toString(release));
            case Op.Exec(int argvIndex, var prefix) -> with(List.of("exec", Integer.toString(argvIndex)), prefix);
            case Op.ExecScript(int argvIndex, var shell, var candidates, Op.Otherwise otherwise) ->
                with(
                        List.of(
                                "exec-script",
                                Integer.toString(argvIndex),
                                shell.toString(),
                                otherwise.word(),
                                Integer.toString(otherwise.status()),
                                otherwise.text()),
                        candidates.stream().map(Object::toString).toList());
            case Op.ExecShell(var candidates) ->
                with(
                        List.of("exec-shell"),
                        candidates.stream()
                                .map(words -> String.join("\n", words))
                                .toList());
        };
    }

    private static List<String> with(List<String> first, List<String> rest) {
        List<String> words = new ArrayList<>(first);
        words.addAll(rest);
        return words;
    }

    private static List<String> withOptional(List<String> first, boolean condition, String word) {
        return condition ? with(first, List.of(word)) : first;
    }
}
