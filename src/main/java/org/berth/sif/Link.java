package org.berth.sif;

/** What an object refers to: nothing, another object or a group of objects. */
public sealed interface Link {
    record None() implements Link {}

    record ToObject(int id) implements Link {}

    record ToGroup(int group) implements Link {}

    /** The number in the file: groups carry a mask in their top bits. */
    default int raw() {
        return switch (this) {
            case None() -> 0;
            case ToObject(int id) -> id;
            case ToGroup(int group) -> SifFormat.GROUP_MASK | group;
        };
    }

    /** The link of a number in a file. */
    static Link ofRaw(int raw) {
        int number = raw & ~SifFormat.GROUP_MASK;
        if (number == 0) {
            return new None();
        }
        return (raw & SifFormat.GROUP_MASK) == SifFormat.GROUP_MASK ? new ToGroup(number) : new ToObject(number);
    }
}
