package org.berth.gather;

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
                "dokcer://alpine  | is it docker://alpine?",
                "htps://h/x.sif   | is it https://h/x.sif?",
                "libary://a/b     | is it library://a/b?",
                "oci-archiv://x   | is it oci-archive:x?",
                "s3+x://a/b       | docker://, oras://",
                "s3+x://a/b       | a file is named by its path alone",
            })
    void aSchemeThatIsNotKnownIsNoFile(String text, String hint) {
        HostException e = assertThrows(HostException.class, () -> ImageName.parse(text));
        assertTrue(e.getMessage().startsWith(text + ": images by "), e.getMessage());
        assertTrue(e.hint().orElse("").contains(hint), e.hint().orElse(""));
        assertEquals(
                hint.contains("is it "),
                e.hint().orElse("").contains("is it "),
                e.hint().orElse(""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "docker://alpine        | DOCKER         | alpine",
                "docker:alpine          | DOCKER         | alpine",
                "oci:dir                | OCI            | dir",
                "oci:dir:tag            | OCI            | dir:tag",
                "oci://../dir           | OCI            | ../dir",
                "oci-archive:x.tar      | OCI_ARCHIVE    | x.tar",
                "oci-archive:./x.tar:1  | OCI_ARCHIVE    | ./x.tar:1",
                "docker-archive:x.tar   | DOCKER_ARCHIVE | x.tar",
                "docker-archive://x.tar | DOCKER_ARCHIVE | x.tar",
                "docker-daemon:app:1    | DOCKER_DAEMON  | app:1",
                "http://h/x.sif         | WEB            | http://h/x.sif",
                "oras://h/x:1           | ORAS           | h/x:1",
                "library://a/b/c        | LIBRARY        | a/b/c",
            })
    void eachSchemeIsItsKindAndKeepsWhatFollows(String text, String kind, String from) {
        String found = switch (ImageName.parse(text)) {
            case ImageName.LocalPath local -> "PATH " + local.text();
            case ImageName.Docker docker -> "DOCKER " + docker.from();
            case ImageName.Stored stored -> stored.kind() + " " + stored.from();
            case ImageName.Web web -> "WEB " + web.uri();
            case ImageName.Oras oras -> "ORAS " + oras.from();
            case ImageName.Library library -> "LIBRARY " + library.from();
        };
        assertEquals(kind + " " + from, found);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x.sif", "./a://b", "/a://b", "dir/a:b", "C:/x", "a:b", "name with blanks"})
    void pathsStayPaths(String text) {
        assertEquals(new ImageName.LocalPath(text), ImageName.parse(text));
    }
}
