package org.berth.config;

/** Which namespaces a container may have, as {@code allow … ns} of an apptainer.conf says; one that it may not have it shares with the host. */
public record NamespaceSettings(boolean pid, boolean ipc, boolean uts, boolean user) {
    public static final NamespaceSettings ALL = new NamespaceSettings(true, true, true, true);

    NamespaceSettings and(NamespaceSettings other) {
        return new NamespaceSettings(pid && other.pid, ipc && other.ipc, uts && other.uts, user && other.user);
    }
}
