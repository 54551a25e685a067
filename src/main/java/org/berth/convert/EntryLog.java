package org.berth.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.berth.convert.TarEntry.Kind;

/**
 * The entries of one layer, without their content, in archive order.
 *
 * <p>Layers are parsed from the top but put into the tree from the bottom, so every entry is kept in between; as bytes, some
 * 40 of them each, with only the part of the path that differs from the one before.
 */
final class EntryLog {
    private static final int FIRST_PAGE = 1024;
    private static final int LAST_PAGE = 256 * 1024;

    /** What an entry of a layer does to the tree. */
    enum Action {
        FILE,
        HARD_LINK,
        SYMLINK,
        CHAR_DEVICE,
        BLOCK_DEVICE,
        DIRECTORY,
        FIFO,
        /** Takes away what lower layers have at the path. */
        WHITEOUT,
        /** Takes away what lower layers have below the path. */
        OPAQUE;

        static Action of(Kind kind) {
            return switch (kind) {
                case FILE -> FILE;
                case HARD_LINK -> HARD_LINK;
                case SYMLINK -> SYMLINK;
                case CHAR_DEVICE -> CHAR_DEVICE;
                case BLOCK_DEVICE -> BLOCK_DEVICE;
                case DIRECTORY -> DIRECTORY;
                case FIFO -> FIFO;
            };
        }
    }

    /**
     * An entry.
     *
     * @param path clean and relative
     * @param mtime seconds, unsigned 32 bits
     * @param link target of a link, else empty
     * @param device as {@code Node.Special.device} makes it
     * @param xattrs number of the set
     * @param content number of a file's content, or −1 if it is hidden by a higher layer and was left out
     */
    record Logged(
            Action action,
            byte[] path,
            int mode,
            int uid,
            int gid,
            int mtime,
            byte[] link,
            int device,
            int xattrs,
            int content) {}

    private static final Action[] ACTIONS = Action.values();
    private static final byte[] NOTHING = {};

    private final List<byte[]> pages = new ArrayList<>();
    private byte[] page = NOTHING;
    private int filled;
    private int count;
    private byte[] lastPath = NOTHING;

    void add(Logged entry) {
        count++;
        put(entry.action().ordinal());
        int shared = Math.max(0, Arrays.mismatch(lastPath, entry.path()));
        if (Arrays.equals(lastPath, entry.path())) {
            shared = lastPath.length;
        }
        lastPath = entry.path();
        number(shared);
        bytes(entry.path(), shared);
        number(entry.mode());
        number(entry.uid());
        number(entry.gid());
        number(entry.mtime());
        switch (entry.action()) {
            case FILE -> number(entry.content() + 1);
            case HARD_LINK, SYMLINK -> bytes(entry.link(), 0);
            case CHAR_DEVICE, BLOCK_DEVICE -> number(entry.device());
            case DIRECTORY, FIFO, WHITEOUT, OPAQUE -> {}
        }
        number(entry.xattrs() + 1);
    }

    int size() {
        return count;
    }

    /** Goes through the entries and keeps them. */
    Reading read() {
        return new Reading(false);
    }

    /** Goes through the entries for the last time, and gives their memory back on the way. */
    Reading drain() {
        return new Reading(true);
    }

    /** Goes through the entries from the first. */
    final class Reading {
        private final boolean forgets;
        private int left = count;
        private int pageNumber = -1;
        private byte[] current = NOTHING;
        private int position;
        private byte[] previous = NOTHING;

        private Reading(boolean forgets) {
            this.forgets = forgets;
        }

        boolean hasNext() {
            return left > 0;
        }

        Logged next() {
            left--;
            Action action = ACTIONS[take()];
            int shared = number();
            byte[] rest = bytes();
            byte[] path = Arrays.copyOf(previous, shared + rest.length);
            System.arraycopy(rest, 0, path, shared, rest.length);
            previous = path;
            int mode = number();
            int uid = number();
            int gid = number();
            int mtime = number();
            int content = action == Action.FILE ? number() - 1 : -1;
            byte[] link = action == Action.HARD_LINK || action == Action.SYMLINK ? bytes() : NOTHING;
            int device = action == Action.CHAR_DEVICE || action == Action.BLOCK_DEVICE ? number() : 0;
            int xattrs = number() - 1;
            return new Logged(action, path, mode, uid, gid, mtime, link, device, xattrs, content);
        }

        private int take() {
            if (position == current.length) {
                turn();
            }
            return current[position++];
        }

        private void turn() {
            if (forgets && pageNumber >= 0) {
                pages.set(pageNumber, NOTHING);
            }
            current = pages.get(++pageNumber);
            position = 0;
        }

        private int number() {
            int value = 0;
            for (int shift = 0; ; shift += 7) {
                int b = take();
                value |= (b & 0x7f) << shift;
                if (b >= 0) {
                    return value;
                }
            }
        }

        private byte[] bytes() {
            byte[] value = new byte[number()];
            int done = 0;
            while (done < value.length) {
                if (position == current.length) {
                    turn();
                }
                int step = Math.min(value.length - done, current.length - position);
                System.arraycopy(current, position, value, done, step);
                position += step;
                done += step;
            }
            return value;
        }
    }

    private void put(int b) {
        if (filled == page.length) {
            newPage();
        }
        page[filled++] = (byte) b;
    }

    private void newPage() {
        page = new byte[Math.clamp(page.length * 2L, FIRST_PAGE, LAST_PAGE)];
        pages.add(page);
        filled = 0;
    }

    /** Seven bits a byte, the lowest first; the high bit says that more follow. */
    private void number(int value) {
        int rest = value;
        while ((rest & ~0x7f) != 0) {
            put(rest | 0x80);
            rest >>>= 7;
        }
        put(rest);
    }

    private void bytes(byte[] value, int from) {
        number(value.length - from);
        int done = from;
        while (done < value.length) {
            if (filled == page.length) {
                newPage();
            }
            int step = Math.min(value.length - done, page.length - filled);
            System.arraycopy(value, done, page, filled, step);
            filled += step;
            done += step;
        }
    }
}
