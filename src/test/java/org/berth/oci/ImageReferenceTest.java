package org.berth.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.Optional;
import org.berth.error.UsageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageReferenceTest {
    private static final String HEX = "a".repeat(64);

    @ParameterizedTest
    @CsvSource({
        "ubuntu, docker.io, library/ubuntu, latest, ubuntu_latest.sif",
        "ubuntu:20.04, docker.io, library/ubuntu, 20.04, ubuntu_20.04.sif",
        "sylabsio/lolcow, docker.io, sylabsio/lolcow, latest, lolcow_latest.sif",
        "docker.io/ubuntu, docker.io, library/ubuntu, latest, ubuntu_latest.sif",
        "index.docker.io/a/b, docker.io, a/b, latest, b_latest.sif",
        "quay.io/bitnami/python:3.7, quay.io, bitnami/python, 3.7, python_3.7.sif",
        "nvcr.io/nvidia/pytorch:21.09-py3, nvcr.io, nvidia/pytorch, 21.09-py3, pytorch_21.09-py3.sif",
        "localhost/x, localhost, x, latest, x_latest.sif",
        "localhost:5000/x/y/z:v1, localhost:5000, x/y/z, v1, z_v1.sif",
        "127.0.0.1:5000/tiny, 127.0.0.1:5000, tiny, latest, tiny_latest.sif",
        "[::1]:5000/tiny, [::1]:5000, tiny, latest, tiny_latest.sif",
        "HOST/x, HOST, x, latest, x_latest.sif",
        "a__b/c-d.e_f:A.b-C_1, docker.io, a__b/c-d.e_f, A.b-C_1, c-d.e_f_A.b-C_1.sif",
    })
    void namesAreNormalisedAsDockerDoes(String name, String registry, String repository, String version, String file) {
        ImageReference reference = ImageReference.parse(name);
        assertEquals(registry, reference.registry());
        assertEquals(repository, reference.repository());
        assertEquals(version, reference.version());
        assertEquals(file, reference.defaultFileName());
    }

    @Test
    void dockerHubHasItsRegistryAtAnotherHost() {
        assertEquals("registry-1.docker.io", ImageReference.parse("ubuntu").host());
        assertEquals("quay.io", ImageReference.parse("quay.io/a").host());
    }

    @Test
    void digestWinsOverTag() {
        ImageReference reference = ImageReference.parse("quay.io/a/b:v1@sha256:" + HEX);
        assertEquals(Optional.of("v1"), reference.tag());
        assertEquals("sha256:" + HEX, reference.version());
        assertEquals("quay.io/a/b@sha256:" + HEX, reference.toString());
    }

    @Test
    void fileOfADigestIsNamedByIt() {
        assertEquals(
                "tiny@sha256_" + HEX + ".sif",
                ImageReference.parse("127.0.0.1:5000/tiny@sha256:" + HEX).defaultFileName());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "a//b",
                "-a",
                "a-",
                "a..b",
                "a___b",
                "a:",
                "a:-x",
                "a:b:c",
                "a@",
                "a@sha256:12",
                "a@md5:d41d8cd98f00b204e9800998ecf8427e",
                "a b",
                "a\nb",
                "a?b",
                "quay.io/",
                "quay.io:port/a",
                "quay.io:999999/a",
                "-x.y/a",
                "../../etc/passwd",
                "a/../b",
                "a@sha256:x@sha256:y"
            })
    void whatIsNoNameIsRefused(String name) {
        UsageException failure = assertThrows(UsageException.class, () -> ImageReference.parse(name));
        assertEquals(
                "unable to parse image name docker://" + name + ": invalid reference format", failure.getMessage());
    }

    @Test
    void upperCaseRepositoryIsRefusedInItsOwnWords() {
        UsageException failure =
                assertThrows(UsageException.class, () -> ImageReference.parse("127.0.0.1:5000/UPPER:x"));
        assertEquals(
                "unable to parse image name docker://127.0.0.1:5000/UPPER:x: invalid reference format: "
                        + "repository name must be lowercase",
                failure.getMessage());
    }

    @Test
    void bareHexIsRefused() {
        assertThrows(UsageException.class, () -> ImageReference.parse(HEX));
    }

    @Test
    void longNamesAreRefusedAndCostNoTime() {
        assertTimeoutPreemptively(Duration.ofSeconds(2), () -> {
            assertThrows(UsageException.class, () -> ImageReference.parse("a".repeat(300)));
            assertThrows(UsageException.class, () -> ImageReference.parse("a-".repeat(100_000) + "!"));
            assertThrows(UsageException.class, () -> ImageReference.parse("a.".repeat(100_000) + "/x"));
        });
    }
}
