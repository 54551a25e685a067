package org.berth.sif;

/** How a software bill of materials is written. */
public enum SbomFormat implements Coded {
    CYCLONEDX_JSON(1, "cyclonedx-json"),
    CYCLONEDX_XML(2, "cyclonedx-xml"),
    GITHUB_JSON(3, "github-json"),
    SPDX_JSON(4, "spdx-json"),
    SPDX_RDF(5, "spdx-rdf"),
    SPDX_TAG_VALUE(6, "spdx-tag-value"),
    SPDX_YAML(7, "spdx-yaml"),
    SYFT_JSON(8, "syft-json"),
    /** A number that is not in the table; the descriptor keeps it. */
    UNKNOWN(0, "Unknown");

    private final int code;
    private final String word;

    SbomFormat(int code, String word) {
        this.code = code;
        this.word = word;
    }

    @Override
    public int code() {
        return code;
    }

    @Override
    public String word() {
        return word;
    }

    /** The constant of a number in a file. */
    public static SbomFormat of(int code) {
        return Coded.of(code, values(), UNKNOWN);
    }
}
