package org.berth.gather;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.berth.cli.OptionValues;
import org.berth.error.UsageException;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.berth.launch.LaunchRequest.BindRequest;
import org.berth.launch.LaunchRequest.Scratch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MountTextTest {
    private static final Host HOST = new Host(new Facts(
            List.of("berth"),
            Map.of(),
            1000,
            1000,
            List.of(1000),
            new Facts.Account("user", "", "/home/user", "/bin/sh"),
            Map.of(),
            Path.of("/job"),
            true,
            0022,
            false,
            false,
            Path.of("/opt/berth"),
            "n1",
            "x86_64"));

    private static MountText parse(String text) {
        return MountText.parse(OptionValues.commaList(text), HOST);
    }

    @Test
    void sourcesTargetsAndFlags() {
        assertEquals(
                List.of(
                        new BindRequest(Path.of("/a"), Path.of("/a"), false),
                        new BindRequest(Path.of("/a"), Path.of("/b"), true),
                        new BindRequest(Path.of("/job/c"), Path.of("/d"), false),
                        new BindRequest(Path.of("/e"), Path.of("/f"), true)),
                parse("/a,/a:/b:ro+rprivate,./c:/d:rw,/e:/f:nosuid\\,ro").binds());
    }

    @Test
    void aBackslashTakesAwayTheMeaningOfColonAndComma() {
        assertEquals(
                List.of(new BindRequest(Path.of("/a:b,c"), Path.of("/d"), false)),
                parse("/a\\:b\\,c:/d").binds());
    }

    @Test
    void tmpfsAndUmount() {
        MountText mounts = parse("tmpfs:/fresh,umount:/tmp,umount:/etc/hosts");
        assertEquals(List.of(new Scratch(Path.of("/fresh"))), mounts.tmpfs());
        assertEquals(Set.of("tmp", "/etc/hosts"), mounts.umounts());
    }

    @Test
    void aTmpfsMayHaveASize() {
        assertEquals(
                List.of(
                        new Scratch(Path.of("/x"), Optional.of("10M")),
                        new Scratch(Path.of("/y"), Optional.of("50%")),
                        new Scratch(Path.of("/z"))),
                parse("tmpfs:/x:size=10M,tmpfs:/y:rw+size=50%,tmpfs:/z:rprivate")
                        .tmpfs());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tmpfs:/x:size=",
                "tmpfs:/x:size=0",
                "tmpfs:/x:size=1M\\,uid=0",
                "tmpfs:/x:sise=1M",
                "tmpfs:/x:ro",
                "umount:/tmp:ro",
                "/a:/b:size=1M"
            })
    void unknownFlagsAreRefused(String text) {
        assertThrows(UsageException.class, () -> parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/a:b", "/a:/b:nosuch", "/a:/b:ro:more", ":/b", "tmpfs", "umount:x"})
    void whatIsNotUnderstoodIsRefused(String text) {
        assertThrows(UsageException.class, () -> parse(text));
    }

    @Test
    void bytesThatAreNoPathAreRefusedInASentence() {
        for (String text : List.of("/a:/b\0", "/a\0:/b", "tmpfs:/\0")) {
            assertThrows(UsageException.class, () -> parse(text));
        }
        assertThrows(UsageException.class, () -> BindText.binds(List.of("/a:/b\0"), HOST));
        assertThrows(UsageException.class, () -> BindText.mount("type=bind,src=/a,dst=/b\0", HOST));
    }
}
