package org.berth.sif;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.berth.error.ImageException;
import org.berth.sif.InspectMetadata.Layout;
import org.berth.sif.InspectMetadata.Section;
import org.berth.sif.InspectSelection.Part;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code inspect} prints, as it was recorded from Apptainer. */
class InspectTest {
    private static final InspectMetadata HELLO = new InspectMetadata(
            new TreeMap<>(Map.of(
                    "foo",
                    new Section(
                            new TreeMap<>(Map.of("/scif/apps/foo/scif/env/90-environment.sh", "FOOVAR=1")),
                            new TreeMap<>(Map.of("Ver", "2", "SCIF_APP_NAME", "foo")),
                            "#!/bin/sh\necho foo",
                            "",
                            "Help of foo."))),
            new Section(
                    new TreeMap<>(Map.of(
                            "/.singularity.d/env/90-environment.sh", "#!/bin/sh",
                            "/.singularity.d/env/10-docker2singularity.sh", "#!/bin/sh\nexport A=1")),
                    new TreeMap<>(Map.of(
                            "maintainer", "A. Tester <tester@example.org>",
                            "org.label-schema.build-arch", "",
                            "Zeta", "capitals first",
                            "quote", "it's \"quoted\" & <angled>")),
                    "#!/bin/sh\necho run",
                    "#!/bin/sh\ntrue",
                    "    Help text."),
            "bootstrap: docker\nfrom: hello",
            "#!/bin/sh");

    @Test
    void labelsAreTheDefault() {
        assertEquals("""
                Zeta: capitals first
                maintainer: A. Tester <tester@example.org>
                org.label-schema.build-arch:\s
                quote: it's "quoted" & <angled>
                """, select().text(HELLO));
    }

    @Test
    void jsonIsIndentedWithTabsAndEscapedAsGoDoes() {
        assertEquals("""
                {
                	"data": {
                		"attributes": {
                			"labels": {
                				"Zeta": "capitals first",
                				"maintainer": "A. Tester \\u003ctester@example.org\\u003e",
                				"org.label-schema.build-arch": "",
                				"quote": "it's \\"quoted\\" \\u0026 \\u003cangled\\u003e"
                			}
                		}
                	},
                	"type": "container"
                }
                """, select().json(HELLO));
    }

    @Test
    void textsAreWrittenOneAfterTheOther() {
        assertEquals("bootstrap: docker\nfrom: hello\n", select(Part.DEFFILE).text(HELLO));
        assertEquals("#!/bin/sh\n", select(Part.STARTSCRIPT).text(HELLO));
        assertEquals("foo\n", select(Part.APPS).text(HELLO));
        assertEquals(
                """
                bootstrap: docker
                from: hello
                #!/bin/sh
                echo run
                #!/bin/sh
                #!/bin/sh
                true
                    Help text.
                === /.singularity.d/env/10-docker2singularity.sh ===
                #!/bin/sh
                export A=1

                === /.singularity.d/env/90-environment.sh ===
                #!/bin/sh

                """,
                select(Part.ENVIRONMENT, Part.HELPFILE, Part.TEST, Part.STARTSCRIPT, Part.RUNSCRIPT, Part.DEFFILE)
                        .text(HELLO));
    }

    @Test
    void anAppHasItsOwn() {
        assertEquals("SCIF_APP_NAME: foo\nVer: 2\n", app("foo").text(HELLO));
        assertEquals("Help of foo.\n", app("foo", Part.HELPFILE).text(HELLO));
        assertEquals("", app("foo", Part.STARTSCRIPT).text(HELLO));
        assertEquals("", app("nosuch").text(HELLO));
        assertEquals("""
                {
                	"data": {
                		"attributes": {
                			"apps": {
                				"foo": {
                					"labels": {
                						"SCIF_APP_NAME": "foo",
                						"Ver": "2"
                					}
                				}
                			}
                		}
                	},
                	"type": "container"
                }
                """, app("foo").json(HELLO));
    }

    @Test
    void nothingThatWasAskedForIsThere() {
        assertEquals("", select(Part.HELPFILE).text(InspectMetadata.EMPTY));
        assertEquals(
                "{\n\t\"data\": {\n\t\t\"attributes\": {}\n\t},\n\t\"type\": \"container\"\n}\n",
                select().json(InspectMetadata.EMPTY));
    }

    @Test
    void allIsInTheOrderOfTheStoredObject() {
        List<String> keys = InspectSelection.ALL
                .json(HELLO)
                .lines()
                .filter(line -> line.matches("\t{3}\".*"))
                .map(line -> line.strip().split("\"")[1])
                .toList();
        assertEquals(
                List.of("apps", "environment", "labels", "runscript", "test", "helpfile", "deffile", "startscript"),
                keys);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatIsWrittenIsRead(boolean compact) {
        String json = HELLO.toJson(compact ? Layout.COMPACT : Layout.INDENTED);
        assertEquals(HELLO, InspectMetadata.parse(json.getBytes(StandardCharsets.UTF_8), "x.sif"));
        assertEquals(!compact, json.contains("\n"));
    }

    @Test
    void controlCharactersAndLineSeparatorsAreEscaped() {
        InspectMetadata odd = InspectMetadata.EMPTY.withDeffile("\u0001\u001b\b\f\n\r\t\u2028\\/ä\u007f");
        assertTrue(odd.toJson(Layout.COMPACT)
                .contains("\"deffile\":\"\\u0001\\u001b\\b\\f\\n\\r\\t\\u2028\\\\/ä\u007f\""));
    }

    @Test
    void unknownMembersAreSkippedAndNullsAreEmpty() {
        String json =
                "{\"type\":\"container\",\"x\":[{}],\"data\":{\"y\":1,\"attributes\":{\"apps\":null,\"new\":{\"a\":[1]},"
                        + "\"runscript\":null,\"labels\":{\"n\":5}}}}";
        InspectMetadata read = InspectMetadata.parse(json.getBytes(StandardCharsets.UTF_8), "x.sif");
        assertEquals(Map.of("n", "5"), read.image().labels());
        assertEquals("", read.image().runscript());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{", "{\"data\":5}", "{\"data\":{\"attributes\":{\"labels\":{\"a\":[]}}}}", "x"})
    void otherJsonIsRefused(String json) {
        assertEquals(
                "x.sif: its inspect-metadata.json cannot be read",
                assertThrows(
                                ImageException.class,
                                () -> InspectMetadata.parse(json.getBytes(StandardCharsets.UTF_8), "x.sif"))
                        .getMessage());
    }

    @Test
    void metadataAreCollectedFromTheFilesOfAnImage() {
        Map<String, String> files = Map.of(
                "/.singularity.d/labels.json", "{\"a\": \"b\"}",
                "/.singularity.d/runscript", "#!/bin/sh\necho run\n\n",
                "/.singularity.d/Singularity", "bootstrap: docker\n",
                "/.singularity.d/env/01-base.sh", "x",
                "/.singularity.d/env/10-docker2singularity.sh", "d\n",
                "/.singularity.d/env/90-environment.sh", "e\n",
                "/.singularity.d/env/91-environment.sh", "f\n",
                "/scif/apps/foo/scif/runscript.help", "help\n",
                "/scif/apps/foo/scif/env/10-docker.sh", "x");
        InspectFiles.Tree tree = new InspectFiles.Tree() {
            @Override
            public Optional<byte[]> read(String path) {
                return Optional.ofNullable(files.get(path)).map(text -> text.getBytes(StandardCharsets.UTF_8));
            }

            @Override
            public List<String> list(String directory) {
                return files.keySet().stream()
                        .filter(path -> path.startsWith(directory + "/"))
                        .map(path -> path.substring(directory.length() + 1).split("/")[0])
                        .distinct()
                        .sorted()
                        .toList();
            }
        };
        InspectMetadata collected = InspectFiles.collect(tree, "x");
        assertEquals(Map.of("a", "b"), collected.image().labels());
        assertEquals("#!/bin/sh\necho run", collected.image().runscript());
        assertEquals("bootstrap: docker", collected.deffile());
        assertEquals(
                List.of(
                        "/.singularity.d/env/10-docker2singularity.sh",
                        "/.singularity.d/env/90-environment.sh",
                        "/.singularity.d/env/91-environment.sh"),
                List.copyOf(collected.image().environment().keySet()));
        assertEquals("help", collected.apps().get("foo").helpfile());
        assertEquals(Map.of(), collected.apps().get("foo").environment());
    }

    private static InspectSelection select(Part... parts) {
        return new InspectSelection(Set.of(parts), Optional.empty());
    }

    private static InspectSelection app(String name, Part... parts) {
        return new InspectSelection(Set.of(parts), Optional.of(name));
    }
}
