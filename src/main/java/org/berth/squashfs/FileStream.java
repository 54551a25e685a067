package org.berth.squashfs;

import java.io.InputStream;
import java.util.Arrays;
import java.util.Objects;

/** A file's bytes in order; holds one block. */
final class FileStream extends InputStream {
    private final SquashfsReader image;
    private final Inode.RegularFile file;
    private final SquashfsReader.Pieces pieces;
    private final byte[] block;
    private int at;
    private int end;

    FileStream(SquashfsReader image, Inode.RegularFile file) {
        this.image = image;
        this.file = file;
        this.pieces = image.pieces(file);
        this.block = new byte[image.superblock().blockSize()];
    }

    @Override
    public int read() {
        return fill() ? block[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] out, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, out.length);
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int count = Math.min(length, end - at);
        System.arraycopy(block, at, out, offset, count);
        at += count;
        return count;
    }

    @Override
    public int available() {
        return end - at;
    }

    private boolean fill() {
        if (at == end && pieces.hasNext()) {
            SquashfsReader.Piece piece = pieces.next();
            if (piece.isHole()) {
                Arrays.fill(block, 0, piece.length(), (byte) 0);
            } else {
                image.read(file, piece, block);
            }
            at = 0;
            end = piece.length();
        }
        return at < end;
    }
}
