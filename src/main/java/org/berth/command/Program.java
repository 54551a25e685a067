package org.berth.command;

import java.util.ArrayList;
import java.util.List;
import org.berth.cli.CommandLineException;
import org.berth.cli.CommandLineParser;
import org.berth.cli.ExitStatus;
import org.berth.cli.Help;
import org.berth.cli.HoldOptions;
import org.berth.cli.Invocation;
import org.berth.cli.Option;
import org.berth.cli.OptionEnvironment;
import org.berth.config.SiteConfig;
import org.berth.config.SiteConfigReader;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;
import org.berth.launch.LaunchRequest.Action;
import org.berth.launch.Note;
import org.berth.terminal.Messages;

/** One command from its command line to its exit status. */
final class Program {
    private final Host host;
    private final LauncherDescriptors launcher;

    Program(Host host, LauncherDescriptors launcher) {
        this.host = host;
        this.launcher = launcher;
    }

    int run() {
        Messages messages = new Messages(System.err, Messages.NORMAL, false);
        try {
            Invocation typed = CommandLineParser.parse(host.facts().argv());
            messages = Messages.of(typed, host);
            List<Note> notes = new ArrayList<>();
            Invocation invocation = OptionEnvironment.apply(HoldOptions.expanded(typed), host, notes);
            messages = Messages.of(invocation, host);
            notes.forEach(messages::note);
            requireAvailable(invocation);
            messages.events().ifPresent(json -> json.start(invocation.command().name()));
            return dispatch(invocation, messages);
        } catch (CommandLineException e) {
            return Help.usageError(e);
        } catch (BerthException e) {
            messages.fatal(e);
            return ExitStatus.FAILURE;
        } catch (RuntimeException | Error e) {
            messages.fault(e);
            return ExitStatus.FAILURE;
        }
    }

    private int dispatch(Invocation invocation, Messages messages) {
        return switch (invocation.command().name()) {
            case "exec" -> launch(Action.EXEC, invocation, messages);
            case "run" -> launch(Action.RUN, invocation, messages);
            case "shell" -> launch(Action.SHELL, invocation, messages);
            case "test" -> launch(Action.TEST, invocation, messages);
            case "hold" -> new HoldCommand(invocation, host, site(invocation, messages), messages).hold(launcher);
            case "resolve" -> new HoldCommand(invocation, host, site(invocation, messages), messages).resolve();
            case "pull" -> new PullCommand(invocation, host, site(invocation, messages), messages).run();
            case "build" -> new BuildCommand(invocation, host, site(invocation, messages), messages).run();
            case "inspect" -> new InspectCommand(invocation, host, site(invocation, messages)).run();
            case "run-help" -> new RunHelpCommand(invocation, host, site(invocation, messages)).run();
            case "cache list", "cache clean", "cache where", "cache gc", "cache verify", "cache pin", "cache unpin" ->
                new CacheCommand(invocation, host, site(invocation, messages), messages).run();
            case "save" -> new SaveCommand(invocation, host, site(invocation, messages), messages).ofStep();
            case "container save" -> new SaveCommand(invocation, host, site(invocation, messages), messages).named();
            case "container list", "container remove" ->
                new ContainerCommand(invocation, host, site(invocation, messages), messages).run();
            case "sif list", "sif header", "sif info", "sif dump", "sif new", "sif add", "sif del", "sif setprim" ->
                new SifCommand(invocation, host).run();
            case "sign" -> new SignCommand(invocation, host, messages).run();
            case "verify" -> new VerifyCommand(invocation, host, messages).run();
            case "key newpair", "key list", "key import", "key export", "key remove" ->
                new KeyCommand(invocation, host, messages).run();
            case "push" -> new PushCommand(invocation, host, messages).run();
            case "registry login", "registry logout", "registry list" ->
                new RegistryCommand(invocation, host, messages).run();
            case "version" -> new VersionCommand(invocation, host).run();
            default -> Help.run(invocation, host);
        };
    }

    private int launch(Action action, Invocation invocation, Messages messages) {
        return new LaunchCommand(action, invocation, host, site(invocation, messages), messages).run(launcher);
    }

    private SiteConfig site(Invocation invocation, Messages messages) {
        SiteConfig site = SiteConfigReader.read(host, invocation.globalValue("config"));
        site.rules().forEach(file -> messages.verbose("rules of " + file));
        return site;
    }

    private static void requireAvailable(Invocation invocation) {
        if (!invocation.command().ready()) {
            throw new HostException("the command %s is not available yet"
                    .formatted(invocation.command().name()));
        }
        for (Option option : invocation.command().options()) {
            boolean used = option.kind() == Option.Kind.FLAG
                    ? invocation.flag(option.name())
                    : invocation.given(option.name());
            if (used && option.status() == Option.Status.LATER) {
                throw new HostException("the option --%s is not available yet".formatted(option.name()))
                        .hint("leave it out, or unset APPTAINER_%s where it comes from the environment"
                                .formatted(
                                        option.environment().isEmpty()
                                                ? "…"
                                                : option.environment().getFirst()));
            }
        }
    }
}
