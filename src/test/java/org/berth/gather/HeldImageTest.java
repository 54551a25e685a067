package org.berth.gather;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeldImageTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ubuntu:24.04                     | docker://ubuntu:24.04",
                "nvcr.io#nvidia/pytorch:24.05     | docker://nvcr.io/nvidia/pytorch:24.05",
                "me@nvcr.io#nvidia/pytorch        | docker://nvcr.io/nvidia/pytorch",
                "localhost:5000#a/b@sha256:00     | docker://localhost:5000/a/b@sha256:00",
                "docker://nvcr.io#nvidia/pytorch  | docker://nvcr.io/nvidia/pytorch",
                "docker://ghcr.io/a/b:1           | docker://ghcr.io/a/b:1",
                "oras://ghcr.io/a/b:1             | oras://ghcr.io/a/b:1",
                "localhost:5000/a:1               | docker://localhost:5000/a:1",
                "oci-archive:x.tar                | oci-archive:x.tar",
                "oci:./layout                     | oci:./layout",
                "oci:latest                       | docker://oci:latest",
                "oci:there                        | oci:there",
                "oci:there:1                      | oci:there:1",
                "dockerd://app:1                  | docker-daemon:app:1",
                "foo://x                          | foo://x",
                "s3+x://y/z:1                     | s3+x://y/z:1",
                "docker-archive:rel.tar           | docker-archive:rel.tar",
                "/images/x                        | /images/x",
                "./x                              | ./x",
                "nosuch.sif                       | nosuch.sif",
                "nosuch.sqsh                      | nosuch.sqsh",
                "there                            | there",
            })
    void writtenAsTheUsersOfSlurmDo(String text, String normalized) {
        assertEquals(normalized, HeldImage.normalized(text, "there"::equals));
    }
}
