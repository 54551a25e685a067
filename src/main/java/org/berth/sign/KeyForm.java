package org.berth.sign;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import org.bouncycastle.bcpg.ArmoredOutputStream;

/** How OpenPGP keys are written to files. */
public enum KeyForm {
    /** Packets. */
    BINARY,
    /** The same as ASCII text. */
    ARMORED;

    /** Something that writes packets. */
    interface Packets {
        void encode(OutputStream out) throws IOException;
    }

    byte[] encode(Packets packets) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            switch (this) {
                case BINARY -> packets.encode(out);
                case ARMORED -> {
                    try (ArmoredOutputStream armor = ArmoredOutputStream.builder()
                            .clearHeaders()
                            .enableCRC(true)
                            .build(out)) {
                        packets.encode(armor);
                    }
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return out.toByteArray();
    }
}
