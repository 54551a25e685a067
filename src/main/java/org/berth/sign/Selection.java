package org.berth.sign;

import java.util.List;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;

/** Which objects are signed or verified. */
public sealed interface Selection {
    /** Every group of the file. */
    record AllGroups() implements Selection {}

    /** All objects of one group. */
    record Group(int group) implements Selection {}

    /** One object. */
    record OneObject(int id) implements Selection {}

    /**
     * Objects of one group.
     *
     * @param objects sorted by id
     * @param whole whether these are all objects of the group
     */
    record Members(int group, int smallestId, List<SifDescriptor> objects, boolean whole) {
        public Members {
            objects = List.copyOf(objects);
        }

        boolean contains(int id) {
            return objects.stream().anyMatch(object -> object.id() == id);
        }
    }

    /**
     * The chosen objects, by groups in ascending order.
     *
     * @throws ImageException if the file has no such group or object
     */
    default List<Members> members(SifFile file) {
        return switch (this) {
            case AllGroups() -> {
                SortedSet<Integer> groups = file.descriptors().stream()
                        .map(SifDescriptor::group)
                        .filter(group -> group != 0)
                        .collect(Collectors.toCollection(TreeSet::new));
                if (groups.isEmpty()) {
                    throw new ImageException("no groups found");
                }
                yield groups.stream().map(group -> whole(file, group)).toList();
            }
            case Group(int group) -> List.of(whole(file, group));
            case OneObject(int id) -> {
                SifDescriptor object = file.object(id).orElseThrow(() -> new ImageException("object not found"));
                Members group = whole(file, object.group());
                yield List.of(new Members(group.group, group.smallestId, List.of(object), false));
            }
        };
    }

    private static Members whole(SifFile file, int group) {
        if (group == 0) {
            throw new UsageException("invalid group ID");
        }
        TreeMap<Integer, SifDescriptor> objects = file.descriptors().stream()
                .filter(object -> object.group() == group)
                .collect(Collectors.toMap(SifDescriptor::id, object -> object, (first, second) -> first, TreeMap::new));
        if (objects.isEmpty()) {
            throw new ImageException("group not found");
        }
        return new Members(group, objects.firstKey(), List.copyOf(objects.values()), true);
    }
}
