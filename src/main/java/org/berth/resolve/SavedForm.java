package org.berth.resolve;

import java.nio.file.Path;
import java.util.List;
import org.berth.error.UsageException;

/** What a container is saved as; the ending of the file's name says it. */
public enum SavedForm {
    SIF(List.of(".sif")),
    SQUASHFS(List.of(".sqsh", ".squashfs", ".sqfs"));

    private final List<String> endings;

    SavedForm(List<String> endings) {
        this.endings = endings;
    }

    /** @throws UsageException if the name has another ending */
    public static SavedForm of(Path file) {
        String name = file.toString();
        for (SavedForm form : values()) {
            if (form.endings.stream().anyMatch(name::endsWith)) {
                return form;
            }
        }
        throw new UsageException("could not save the container as %s: the form is not known".formatted(file))
                .hint("NAME.sif makes a SIF; NAME.sqsh, NAME.squashfs and NAME.sqfs a squashfs");
    }
}
