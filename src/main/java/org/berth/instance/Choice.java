package org.berth.instance;

import java.util.Optional;
import org.berth.error.HostException;

/** What a container's name comes to, for whom asks now. */
public sealed interface Choice {
    /** It runs: its namespaces are entered. */
    record Join(KeptContainer container, Occupants.Holder holder) implements Choice {}

    /** It is there, and nobody is in it. */
    record Start(KeptContainer container) implements Choice {}

    /** It is not there. */
    record Make() implements Choice {}

    /**
     * Decides.
     *
     * @param there the container if there is one
     * @param touched somebody was in it at least once
     * @param holder who is in it
     * @throws HostException if the mode forbids what is the case
     */
    static Choice of(
            ContainerName name, Optional<KeptContainer> there, boolean touched, Optional<Occupants.Holder> holder) {
        boolean runs = there.isPresent() && holder.isPresent();
        return switch (name.mode()) {
            case EXEC -> {
                if (!runs) {
                    throw new HostException("container %s does not run on this node".formatted(name.name()))
                            .hint("without ':exec' it is started");
                }
                yield new Join(there.orElseThrow(), holder.orElseThrow());
            }
            case CREATE -> {
                if (there.isPresent() && (touched || runs)) {
                    throw new HostException("container %s exists on this node".formatted(name.name()))
                            .hint("without ':create' it is used; 'berth container remove' removes it there");
                }
                yield new Make();
            }
            case NO_EXEC -> {
                if (runs) {
                    throw new HostException("container %s is in use on this node".formatted(name.name()))
                            .hint(
                                    "only one may write into it at a time; without ':no_exec' the one that runs is joined");
                }
                yield there.isPresent() ? new Start(there.orElseThrow()) : new Make();
            }
            case AUTO -> {
                if (runs) {
                    yield new Join(there.orElseThrow(), holder.orElseThrow());
                }
                yield there.isPresent() ? new Start(there.orElseThrow()) : new Make();
            }
        };
    }
}
