package org.berth.place;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.OptionalLong;
import org.berth.config.PlaceSettings;
import org.berth.config.PlaceSettings.Staging;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StageRuleTest {
    private static final long GIB = 1L << 30;

    private static PlaceSettings site(Staging staging, List<String> paths, OptionalLong bytes) {
        return new PlaceSettings(
                List.of(),
                List.of(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                staging,
                paths,
                64,
                bytes,
                PlaceSettings.Trusted.NOBODY);
    }

    @ParameterizedTest
    @CsvSource({
        "AUTO,   NETWORK,  1,  1,   true",
        "AUTO,   PARALLEL, 1,  63,  false",
        "AUTO,   PARALLEL, 1,  64,  true",
        "AUTO,   PARALLEL, 4,  1,   true",
        "AUTO,   LOCAL,    9,  999, false",
        "AUTO,   MEMORY,   9,  999, false",
        "ALWAYS, LOCAL,    1,  1,   true",
        "ALWAYS, PARALLEL, 1,  1,   true",
        "NEVER,  NETWORK,  9,  999, false",
    })
    void imagesAreCopiedFromServersAndForManyNodes(
            Staging staging, Nature nature, long gib, int nodes, boolean copied) {
        PlaceSettings site = site(staging, List.of("/local"), OptionalLong.of(4 * GIB));
        assertEquals(copied, StageRule.applies(site, nature, gib * GIB, nodes));
        assertEquals(
                false, StageRule.applies(site(staging, List.of(), OptionalLong.empty()), nature, gib * GIB, nodes));
    }

    @ParameterizedTest
    @CsvSource({"1, false", "63, false", "64, true"})
    void withoutASizeOnlyTheNodesCount(int nodes, boolean copied) {
        PlaceSettings site = site(Staging.AUTO, List.of("/local"), OptionalLong.empty());
        assertEquals(copied, StageRule.applies(site, Nature.PARALLEL, 1000 * GIB, nodes));
    }
}
