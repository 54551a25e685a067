package org.berth.host;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the launcher knows of its caller and of this machine; the table is in docs/plan.md.
 *
 * @param argv the launcher's arguments, the program's name first
 * @param environment in the caller's order; of a name that occurs twice, the first
 * @param groups the real group first, then the supplementary ones
 * @param groupNames names of those groups that have one
 * @param cwd the working directory; {@code /} where it is not reachable
 * @param cwdReachable whether the working directory has a path: one that was removed has none
 * @param prefix the installation's directory
 */
public record Facts(
        List<String> argv,
        Map<String, String> environment,
        int uid,
        int gid,
        List<Integer> groups,
        Account account,
        Map<Integer, String> groupNames,
        Path cwd,
        boolean cwdReachable,
        int umask,
        boolean standardInputIsTerminal,
        boolean standardErrorIsTerminal,
        Path prefix,
        String hostname,
        String machine) {
    public Facts {
        argv = List.copyOf(argv);
        groups = List.copyOf(groups);
        groupNames = Map.copyOf(groupNames);
    }

    /** The caller's entry in the password database; the name is the uid's digits where there is no entry. */
    public record Account(String name, String gecos, String home, String shell) {}

    public Optional<String> environment(String name) {
        return Optional.ofNullable(environment.get(name));
    }

    /** The name by which the caller started us. */
    public String program() {
        String first = argv.getFirst();
        return first.substring(first.lastIndexOf('/') + 1);
    }

    /** The caller is root, in the launcher's own user namespace. */
    public boolean root() {
        return uid == 0;
    }
}
