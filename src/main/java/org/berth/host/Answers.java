package org.berth.host;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** Who answers when {@link Host} looks at a file: the machine, or what was written down when it was asked before. */
interface Answers {
    /** The machine itself; nothing is kept. */
    Answers OF_THE_MACHINE = new Answers() {
        @Override
        public <T> T to(String question, Path path, Supplier<T> look) {
            return look.get();
        }
    };

    /**
     * The answer to a question about a path.
     *
     * @param look asks the machine
     */
    <T> T to(String question, Path path, Supplier<T> look);

    /** The machine's answers, written down; afterwards they are all that there is. */
    final class WrittenDown implements Answers {
        private final Map<String, Optional<Object>> known = new ConcurrentHashMap<>();
        private boolean closed;

        /** From now on the machine is not asked any more: what was not asked before is an error. */
        void close() {
            closed = true;
        }

        @Override
        @SuppressWarnings("unchecked") // the same question is asked for the same type
        public <T> T to(String question, Path path, Supplier<T> look) {
            String key = question + " " + path;
            if (!closed) {
                T answer = look.get();
                known.putIfAbsent(key, Optional.of(answer));
                return answer;
            }
            return (T) Optional.ofNullable(known.get(key))
                    .orElseThrow(() -> new IllegalStateException("nobody asked before: " + key))
                    .orElseThrow();
        }
    }
}
