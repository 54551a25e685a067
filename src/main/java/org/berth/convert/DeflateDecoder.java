package org.berth.convert;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.berth.error.ImageException;

/**
 * Decodes DEFLATE (RFC 1951) from a stream, half as fast again as the JDK's zlib, which is the slowest part of a pull.
 *
 * <p>Up to 63 bits of input wait in a word; a table of 11 bits for literals and lengths and one of 8 bits for distances
 * answer almost every code at once, longer codes go on to a second table. An entry of these:
 *
 * <pre>
 * bit 31     literal (in the distance table: special)
 * bit 30     special: end of block, pointer to a second table, or no code
 * 16..30     literal, base of the length or distance, or start of the second table
 * 8..11      bits of the code itself, or of the index into the second table
 * 0..5       bits of the code with its extra bits
 * </pre>
 *
 * <p>Behind the end of the input zeros are read, and it is noticed later that they were.
 */
final class DeflateDecoder {
    /** Bytes that must lie before the output position, so that every distance can be followed. */
    static final int WINDOW = 1 << 15;

    /** Bytes behind the output limit that may be overwritten. */
    static final int SLACK = 258 + 8;

    private static final VarHandle WORD = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int BUFFER = 1 << 16;
    private static final int PADDING = 64;

    /** The most input that one step of the fast loop takes, with a reserve. */
    private static final int STEP = 24;

    private static final int LITERAL_BITS = 11;
    private static final int DISTANCE_BITS = 8;
    private static final int CODE_BITS_MAX = 15;
    private static final int LITERALS = 288;
    private static final int DISTANCES = 32;
    private static final int END_OF_BLOCK = 256;

    private static final int LITERAL = 1 << 31;
    private static final int SPECIAL = 1 << 30;
    private static final int SPECIAL_DISTANCE = 1 << 31;

    /** Bits 12 to 14 of a special entry say which one it is. */
    private static final int SECOND_TABLE = 1 << 12;

    private static final int END = 1 << 13;

    private static final int[] LENGTH_BASE = {
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258
    };
    private static final int[] LENGTH_EXTRA = {
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0
    };
    private static final int[] DISTANCE_BASE = {
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577
    };
    private static final int[] CODE_LENGTH_ORDER = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

    /** What comes next. */
    private enum State {
        BLOCK,
        STORED,
        CODES,
        ENDED
    }

    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER + PADDING];
    private int position;
    private int limit;
    private boolean inputEnded;
    private long bits;
    private int bitCount;

    private State state = State.ENDED;
    private boolean lastBlock;
    private int storedLeft;

    /** Both tables with room for all second tables: at most a further 2^15 / 2^k entries for each long code. */
    private final int[] literals = new int[(1 << LITERAL_BITS) + 4096];

    private final int[] distances = new int[(1 << DISTANCE_BITS) + 4096];
    private final byte[] lengths = new byte[LITERALS + DISTANCES];
    private final int[] codeLengths = new int[1 << 7];
    private final int[] counts = new int[CODE_BITS_MAX + 1];
    private final int[] nextCodes = new int[CODE_BITS_MAX + 2];
    private final byte[] longest = new byte[1 << LITERAL_BITS];

    DeflateDecoder(InputStream in) {
        this.in = in;
    }

    /** The next byte of the input between two deflate streams, or −1 at its end. */
    int nextByte() throws IOException {
        if (position == limit) {
            fill();
        }
        return position < limit ? buffer[position++] & 0xff : -1;
    }

    /** Reads the input to its end without looking at it. */
    void drain() throws IOException {
        do {
            position = limit;
            fill();
        } while (position < limit);
    }

    /** A deflate stream starts at the next byte. */
    void start() {
        state = State.BLOCK;
        lastBlock = false;
    }

    boolean ended() {
        return state == State.ENDED;
    }

    /**
     * Decodes until the stream ends or {@code softLimit} is reached or passed.
     *
     * @param out holds what was decoded before, the last {@link #WINDOW} bytes at least, up to {@code from}; and has {@link
     *     #SLACK} bytes behind {@code softLimit}
     * @return the new end of what is decoded
     * @throws ImageException if the data is damaged or ends early
     */
    int decode(byte[] out, int from, int softLimit) throws IOException {
        int to = from;
        while (to < softLimit && state != State.ENDED) {
            prepare();
            switch (state) {
                case BLOCK -> startBlock();
                case STORED -> to = copyStored(out, to, softLimit);
                case CODES -> to = decodeCodes(out, to, softLimit);
                case ENDED -> {}
            }
            if (position - (bitCount >>> 3) > limit) {
                throw early();
            }
        }
        return to;
    }

    private static ImageException early() {
        return new ImageException("its gzip data ends early");
    }

    private static ImageException damaged(String what) {
        return new ImageException("its gzip data is damaged: " + what);
    }

    /** Sees to it that a step has input, be it the zeros behind the end. */
    private void prepare() throws IOException {
        while (limit - position < STEP && !inputEnded) {
            fill();
        }
    }

    private void fill() throws IOException {
        if (inputEnded) {
            return;
        }
        // Bytes that wait as bits may be given back, so the last eight before the position stay, too.
        int kept = Math.min(position, Long.BYTES);
        int rest = limit - position;
        System.arraycopy(buffer, position - kept, buffer, 0, kept + rest);
        position = kept;
        limit = kept + rest;
        int n = in.read(buffer, limit, BUFFER - limit);
        if (n <= 0) {
            inputEnded = true;
            Arrays.fill(buffer, limit, limit + PADDING, (byte) 0);
        } else {
            limit += n;
        }
    }

    private void refill() {
        bits |= (long) WORD.get(buffer, position) << bitCount;
        position += 63 - bitCount >>> 3;
        bitCount |= 56;
    }

    private int take(int count) throws IOException {
        if (bitCount < count) {
            prepare();
            if (position > limit + 16) {
                throw early();
            }
            refill();
        }
        int value = (int) bits & (1 << count) - 1;
        bits >>>= count;
        bitCount -= count;
        return value;
    }

    /** Gives whole bytes that wait as bits back to the buffer. */
    private void alignToByte() {
        position -= bitCount >>> 3;
        bits = 0;
        bitCount = 0;
    }

    private void startBlock() throws IOException {
        if (lastBlock) {
            alignToByte();
            state = State.ENDED;
            return;
        }
        lastBlock = take(1) == 1;
        switch (take(2)) {
            case 0 -> {
                alignToByte();
                int length = take(16);
                if ((length ^ take(16)) != 0xffff) {
                    throw damaged("a stored block has no valid length");
                }
                alignToByte();
                storedLeft = length;
                state = State.STORED;
            }
            case 1 -> {
                fixedCodes();
                state = State.CODES;
            }
            case 2 -> {
                dynamicCodes();
                state = State.CODES;
            }
            default -> throw damaged("unknown block type");
        }
    }

    private int copyStored(byte[] out, int to, int softLimit) {
        int step = Math.min(Math.min(storedLeft, softLimit - to), limit - position);
        if (step <= 0 && storedLeft > 0) {
            throw early();
        }
        System.arraycopy(buffer, position, out, to, step);
        position += step;
        storedLeft -= step;
        if (storedLeft == 0) {
            state = State.BLOCK;
        }
        return to + step;
    }

    /** The loop where the time goes: all state in locals, no call but the copying of words. */
    private int decodeCodes(byte[] out, int from, int softLimit) {
        final byte[] input = buffer;
        final int[] lit = literals;
        final int[] dist = distances;
        final int inputLimit = inputEnded ? limit + 16 : limit - STEP;
        int at = position;
        long word = bits;
        int have = bitCount;
        int to = from;
        while (to < softLimit && at <= inputLimit) {
            word |= (long) WORD.get(input, at) << have;
            at += 63 - have >>> 3;
            have |= 56;
            int entry = lit[(int) word & (1 << LITERAL_BITS) - 1];
            // Three literals of at most 11 bits leave 23, enough to look the next entry up.
            if (entry < 0) {
                word >>>= entry;
                have -= entry & 63;
                out[to++] = (byte) (entry >>> 16);
                entry = lit[(int) word & (1 << LITERAL_BITS) - 1];
                if (entry < 0) {
                    word >>>= entry;
                    have -= entry & 63;
                    out[to++] = (byte) (entry >>> 16);
                    entry = lit[(int) word & (1 << LITERAL_BITS) - 1];
                    if (entry < 0) {
                        word >>>= entry;
                        have -= entry & 63;
                        out[to++] = (byte) (entry >>> 16);
                        continue;
                    }
                }
                word |= (long) WORD.get(input, at) << have;
                at += 63 - have >>> 3;
                have |= 56;
            }
            if ((entry & SPECIAL) != 0) {
                if ((entry & SECOND_TABLE) != 0) {
                    int index = (int) (word >>> LITERAL_BITS) & (1 << (entry >>> 8 & 15)) - 1;
                    entry = lit[(entry >>> 16 & 0x3fff) + index];
                }
                if (entry < 0) {
                    word >>>= entry;
                    have -= entry & 63;
                    out[to++] = (byte) (entry >>> 16);
                    continue;
                }
                if ((entry & SPECIAL) != 0) {
                    if ((entry & END) == 0) {
                        throw damaged("a code that stands for nothing");
                    }
                    word >>>= entry;
                    have -= entry & 63;
                    state = State.BLOCK;
                    break;
                }
            }
            int length = (entry >>> 16) + (int) ((word & (1L << entry) - 1) >>> (entry >>> 8 & 15));
            word >>>= entry;
            have -= entry & 63;
            entry = dist[(int) word & (1 << DISTANCE_BITS) - 1];
            if (entry < 0) {
                if ((entry & SECOND_TABLE) == 0) {
                    throw damaged("a distance that stands for nothing");
                }
                int index = (int) (word >>> DISTANCE_BITS) & (1 << (entry >>> 8 & 15)) - 1;
                entry = dist[(entry >>> 16 & 0x7fff) + index];
                if (entry < 0) {
                    throw damaged("a distance that stands for nothing");
                }
            }
            int distance = (entry >>> 16) + (int) ((word & (1L << entry) - 1) >>> (entry >>> 8 & 15));
            word >>>= entry;
            have -= entry & 63;
            if (distance > to) {
                throw damaged("a distance leads before the start");
            }
            int source = to - distance;
            int end = to + length;
            if (distance >= 8) {
                do {
                    WORD.set(out, to, (long) WORD.get(out, source));
                    to += 8;
                    source += 8;
                } while (to < end);
            } else if (distance == 1) {
                Arrays.fill(out, to, end, out[source]);
            } else {
                while (to < end) {
                    out[to++] = out[source++];
                }
            }
            to = end;
        }
        position = at;
        bits = word;
        bitCount = have;
        return to;
    }

    private void fixedCodes() {
        Arrays.fill(lengths, 0, 144, (byte) 8);
        Arrays.fill(lengths, 144, 256, (byte) 9);
        Arrays.fill(lengths, 256, 280, (byte) 7);
        Arrays.fill(lengths, 280, LITERALS, (byte) 8);
        literalTable(LITERALS);
        Arrays.fill(lengths, 0, DISTANCES, (byte) 5);
        distanceTable(DISTANCES);
    }

    private void dynamicCodes() throws IOException {
        int literalCount = take(5) + 257;
        int distanceCount = take(5) + 1;
        int codeCount = take(4) + 4;
        if (literalCount > 286 || distanceCount > 30) {
            throw damaged("too many codes");
        }
        Arrays.fill(lengths, 0, CODE_LENGTH_ORDER.length, (byte) 0);
        for (int i = 0; i < codeCount; i++) {
            lengths[CODE_LENGTH_ORDER[i]] = (byte) take(3);
        }
        codeLengthTable();
        int total = literalCount + distanceCount;
        for (int i = 0; i < total; ) {
            if (bitCount < 14) {
                prepare();
                if (position > limit + 16) {
                    throw early();
                }
                refill();
            }
            int entry = codeLengths[(int) bits & 127];
            bits >>>= entry & 15;
            bitCount -= entry & 15;
            int symbol = entry >>> 16;
            if (symbol < 16) {
                lengths[i++] = (byte) symbol;
                continue;
            }
            if (symbol == 16 && i == 0) {
                throw damaged("a repeated length without a first one");
            }
            byte value = symbol == 16 ? lengths[i - 1] : 0;
            int repeat = switch (symbol) {
                case 16 -> 3 + take(2);
                case 17 -> 3 + take(3);
                default -> 11 + take(7);
            };
            if (i + repeat > total) {
                throw damaged("more code lengths than codes");
            }
            Arrays.fill(lengths, i, i + repeat, value);
            i += repeat;
        }
        if (lengths[END_OF_BLOCK] == 0) {
            throw damaged("a block without an end");
        }
        byte[] distanceLengths = Arrays.copyOfRange(lengths, literalCount, total);
        literalTable(literalCount);
        System.arraycopy(distanceLengths, 0, lengths, 0, distanceCount);
        distanceTable(distanceCount);
    }

    /** The table for the code lengths themselves: symbol << 16 | bits. */
    private void codeLengthTable() {
        if (!assignCodes(CODE_LENGTH_ORDER.length)) {
            throw damaged("an incomplete set of code lengths");
        }
        for (int symbol = 0; symbol < CODE_LENGTH_ORDER.length; symbol++) {
            int length = lengths[symbol];
            if (length > 0) {
                for (int i = nextCode(length); i < codeLengths.length; i += 1 << length) {
                    codeLengths[i] = symbol << 16 | length;
                }
            }
        }
    }

    private void literalTable(int count) {
        table(literals, LITERAL_BITS, count, SPECIAL, DeflateDecoder::literalEntry);
    }

    private void distanceTable(int count) {
        table(distances, DISTANCE_BITS, count, SPECIAL_DISTANCE, DeflateDecoder::distanceEntry);
    }

    /** Counts the lengths and finds the first code of each (RFC 1951, 3.2.2); whether all codes are in use. */
    private boolean assignCodes(int count) {
        Arrays.fill(counts, 0);
        for (int i = 0; i < count; i++) {
            counts[lengths[i]]++;
        }
        int left = 1;
        int code = 0;
        counts[0] = 0;
        for (int length = 1; length <= CODE_BITS_MAX; length++) {
            left = (left << 1) - counts[length];
            if (left < 0) {
                throw damaged("too many codes of a length");
            }
            code = code + counts[length - 1] << 1;
            nextCodes[length] = code;
        }
        return left == 0;
    }

    /** The next code of that length, its first bit lowest, as it comes from the input. */
    private int nextCode(int length) {
        return Integer.reverse(nextCodes[length]++) >>> Integer.SIZE - length;
    }

    /** Makes the entry of a symbol whose code has that many bits. */
    private interface Entries {
        int entry(int symbol, int length);
    }

    private void table(int[] table, int primary, int count, int special, Entries entries) {
        int size = 1 << primary;
        if (!assignCodes(count)) {
            // As zlib has it, a set may be incomplete if it is a single code of one bit, or none at all.
            for (int length = 2; length <= CODE_BITS_MAX; length++) {
                if (counts[length] > 0) {
                    throw damaged("an incomplete set of codes");
                }
            }
            Arrays.fill(table, 0, size, special);
        }
        secondTables(table, primary, count, special);
        for (int symbol = 0; symbol < count; symbol++) {
            int length = lengths[symbol];
            if (length == 0) {
                continue;
            }
            int code = nextCode(length);
            int entry = entries.entry(symbol, length);
            if (length <= primary) {
                for (int i = code; i < size; i += 1 << length) {
                    table[i] = entry;
                }
            } else {
                int pointer = table[code & size - 1];
                int start = pointer >>> 16 & 0x3fff;
                int end = start + (1 << (pointer >>> 8 & 15));
                for (int i = start + (code >>> primary); i < end; i += 1 << length - primary) {
                    table[i] = entry;
                }
            }
        }
    }

    /** Makes room for the codes that are longer than the first table's index: as much as the longest of each needs. */
    private void secondTables(int[] table, int primary, int count, int special) {
        int size = 1 << primary;
        int[] codes = nextCodes.clone();
        boolean any = false;
        for (int symbol = 0; symbol < count; symbol++) {
            int length = lengths[symbol];
            if (length > primary) {
                if (!any) {
                    Arrays.fill(longest, 0, size, (byte) 0);
                    any = true;
                }
                int index = nextCode(length) & size - 1;
                longest[index] = (byte) Math.max(longest[index], length);
            }
        }
        if (!any) {
            return;
        }
        System.arraycopy(codes, 0, nextCodes, 0, codes.length);
        int free = size;
        for (int i = 0; i < size; i++) {
            if (longest[i] > 0) {
                int extra = longest[i] - primary;
                table[i] = special | SECOND_TABLE | free << 16 | extra << 8 | primary;
                free += 1 << extra;
            }
        }
    }

    private static int literalEntry(int symbol, int length) {
        if (symbol < END_OF_BLOCK) {
            return LITERAL | symbol << 16 | length;
        }
        if (symbol == END_OF_BLOCK) {
            return SPECIAL | END | length;
        }
        int index = symbol - END_OF_BLOCK - 1;
        if (index >= LENGTH_BASE.length) {
            return SPECIAL;
        }
        return LENGTH_BASE[index] << 16 | length << 8 | length + LENGTH_EXTRA[index];
    }

    private static int distanceEntry(int symbol, int length) {
        if (symbol >= DISTANCE_BASE.length) {
            return SPECIAL_DISTANCE;
        }
        int extra = Math.max(0, (symbol >> 1) - 1);
        return DISTANCE_BASE[symbol] << 16 | length << 8 | length + extra;
    }
}
