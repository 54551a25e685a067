package org.berth.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** picocli's model of the option table: for help, completion and suggestions. */
final class PicocliModel {
    private PicocliModel() {}

    /** The whole command, {@code berth}, with all its subcommands. */
    static CommandLine commandLine(String program) {
        CommandLine.Model.CommandSpec root = spec(
                program,
                "A container runtime for HPC clusters: pulls, builds and runs Docker, OCI and SIF images without privileges.",
                OptionTable.GLOBAL);
        root.usageMessage().customSynopsis("%s [global options...] <command>".formatted(program));
        for (CommandSpec command : OptionTable.COMMANDS) {
            int blank = command.name().indexOf(' ');
            CommandLine.Model.CommandSpec parent =
                    blank < 0 ? root : group(root, command.name().substring(0, blank));
            parent.addSubcommand(command.shortName(), command(command));
        }
        return new CommandLine(root)
                .setStopAtPositional(true)
                .setOverwrittenOptionsAllowed(true)
                .setUsageHelpWidth(120)
                .setUsageHelpAutoWidth(false);
    }

    private static CommandLine.Model.CommandSpec group(CommandLine.Model.CommandSpec root, String name) {
        CommandLine known = root.subcommands().get(name);
        if (known != null) {
            return known.getCommandSpec();
        }
        String what = switch (name) {
            case "cache" -> "Manage your local cache";
            case "registry" -> "Manage credentials of OCI registries";
            case "key" -> "Manage OpenPGP keys";
            default -> "Manipulate SIF files";
        };
        CommandLine.Model.CommandSpec group = spec(name, what, List.of());
        root.addSubcommand(name, group);
        return group;
    }

    private static CommandLine.Model.CommandSpec command(CommandSpec command) {
        String note = command.ready() ? "" : " (not available yet)";
        CommandLine.Model.CommandSpec spec = spec(command.shortName(), command.summary() + note, command.options());
        if (!command.operands().isEmpty()) {
            spec.addPositional(PositionalParamSpec.builder()
                    .paramLabel(command.operands())
                    .hideParamSyntax(true)
                    .hidden(true)
                    .arity("0..*")
                    .type(List.class)
                    .auxiliaryTypes(String.class)
                    .build());
        }
        spec.usageMessage()
                .hidden(command.hidden())
                .customSynopsis(
                        ("berth [global options...] %s [options...] %s".formatted(command.name(), command.operands()))
                                .strip());
        return spec;
    }

    private static CommandLine.Model.CommandSpec spec(String name, String summary, List<Option> options) {
        CommandLine.Model.CommandSpec spec =
                CommandLine.Model.CommandSpec.create().name(name);
        spec.usageMessage().description(summary).sortOptions(true);
        options.stream().map(PicocliModel::option).forEach(spec::addOption);
        return spec;
    }

    private static OptionSpec option(Option option) {
        List<String> names = new ArrayList<>();
        if (option.letter() != ' ') {
            names.add("-" + option.letter());
        }
        names.add("--" + option.name());
        option.aliases().forEach(alias -> names.add("--" + alias));
        String later = option.status() == Option.Status.LATER ? " (not available yet)" : "";
        String keys = option.environment().isEmpty()
                ? ""
                : " [BERTH_%s]".formatted(option.environment().getFirst());
        OptionSpec.Builder builder = OptionSpec.builder(names.toArray(String[]::new))
                .description((option.help() + later + keys).replace("%", "%%"))
                .hidden(option.hidden());
        return switch (option.kind()) {
            case FLAG -> builder.type(boolean.class).build();
            case TEXT ->
                builder.type(String.class).paramLabel(label(option)).arity("1").build();
            case LIST, REPEATED, MAP ->
                builder.type(List.class)
                        .auxiliaryTypes(String.class)
                        .paramLabel(label(option))
                        .arity("1")
                        .build();
        };
    }

    private static String label(Option option) {
        return option.argument().isEmpty() ? "VALUE" : option.argument();
    }
}
