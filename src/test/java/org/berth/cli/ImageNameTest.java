package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.berth.error.HostException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageNameTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "foo://x          | docker://, oras://",
                "dockerd://app    | docker-daemon:NAME",
                "podman://app     | --docker-host",
                "file:///x.sif    | by its path alone",
                "DOCKER://alpine  | it is docker://",
                "s3+x://a/b       | a file is named by its path alone",
            })
    void aSchemeThatIsNotKnownIsNoFile(String text, String hint) {
        HostException e = assertThrows(HostException.class, () -> ImageName.parse(text));
        assertTrue(e.getMessage().startsWith(text + ": images by "), e.getMessage());
        assertTrue(e.hint().orElse("").contains(hint), e.hint().orElse(""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"x.sif", "./a://b", "/a://b", "dir/a:b", "C:/x", "a:b", "name with blanks"})
    void pathsStayPaths(String text) {
        assertEquals(new ImageName.LocalPath(text), ImageName.parse(text));
    }
}
