# shellcheck shell=bash
# Building, laying out, and the tree that ./dev install makes. Read by dev, whose variables and functions it uses.

maven() { mvn -B -q -Dstyle.color=never --no-transfer-progress "$@" 2> >(grep -v 'sun.misc.Unsafe\|AbstractFuture\|terminally deprecated\|reporting this to the maint' >&2); }

build() {
    need_jdk
    need mvn make gcc musl-gcc
    maven -DskipTests -Dspotless.check.skip=true package "$@"
    make -s -C src/main/c
}

format() {
    need_jdk
    need mvn clang-format
    maven spotless:apply
    find src/main/c src/test/c slurm-plugin src/test/slurm src/bench -name '*.[ch]' -exec clang-format -i {} + 2>/dev/null || true
}

install_tree() {
    local prefix='' links=1 lib jar arch_jna arch picocli
    while [[ $# != 0 ]]; do
        case $1 in
            --no-compat-links) links='' ;;
            -*) die "install: no option $1" ;;
            *) prefix=$1 ;;
        esac
        shift
    done
    [[ -n $prefix ]] || die "install: where to? ./dev install PREFIX"
    [[ $prefix != *[[:space:]]* ]] || die "install: the JVM cannot train its cache below a path with blanks; install elsewhere and copy with cp -a"
    need_jdk
    need mvn make gcc musl-gcc objcopy static-shell python3
    build
    case $(uname -m) in
        x86_64) arch=amd64 arch_jna=x86-64 ;;
        aarch64) arch=aarch64 arch_jna=aarch64 ;;
        *) die "install: no native libraries for $(uname -m)" ;;
    esac
    mkdir -p "$prefix"
    prefix=$(cd "$prefix" && pwd)
    lib=$prefix/libexec/berth
    rm -rf "$lib"
    mkdir -p "$prefix"/{bin,etc/berth,share/doc/berth} "$lib"/{lib,native,session}
    install -m 755 target/c/berth "$prefix/bin/berth"
    install -m 644 src/main/c/jvm.options "$lib/jvm.options"
    install_scripts "$prefix" "$links"

    # One flat folder; the order is the manifest's, so that the AOT cache's class path and the launcher's are the same words.
    local -a names=()
    for jar in $(class_path_of target/quarkus-app/quarkus-run.jar); do
        install -m 644 "target/quarkus-app/$jar" "$lib/lib/${jar##*/}"
        names+=("lib/${jar##*/}")
    done
    picocli=$(find "$lib/lib" -name 'info.picocli.picocli-*.jar')
    recompile_picocli "$picocli"
    for jar in "$lib"/lib/org.bouncycastle.*.jar; do
        without_provider "$jar"
    done
    (IFS=: && echo "${names[*]}") >"$lib/classpath"

    # Native libraries lie beside the jars: nothing is unpacked into /tmp, which may be noexec, at run time.
    extract "$lib"/lib/net.java.dev.jna.jna-*.jar "com/sun/jna/linux-$arch_jna/libjnidispatch.so" "$lib/native/libjnidispatch.so"
    extract "$lib"/lib/com.github.luben.zstd-jni-*.jar "linux/$arch/libzstd-jni-*.so" "$lib/native/libzstd-jni.so"
    extract "$lib"/lib/io.airlift.aircompressor-v3-*.jar "aircompressor/linux-$arch/libdeflate.so" "$lib/native/libdeflate.so"
    install -m 755 "$(static_shell)" "$lib/sh"

    install_slurm_plugin "$prefix"
    # jlink works from the run-time image, with or without jmods.
    "$JAVA_HOME/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages --output "$lib/runtime"
    # A site's own settings survive; the shipped ones lie with the documents.
    [[ -e $prefix/etc/berth/berth.yaml ]] || install -m 644 conf/berth.yaml "$prefix/etc/berth/berth.yaml"
    install -m 644 README.md docs/*.md conf/berth.yaml "$prefix/share/doc/berth/"
    chmod -R go+rX,go-w "$lib" "$prefix"/{bin,etc/berth,share/doc/berth}
    train "$prefix"
    say "installed $prefix ($(du -sh "$prefix" | cut -f1))"
}

# One plugin per Slurm release: it is built where that release's headers are.
install_slurm_plugin() { # PREFIX
    if [[ ! -e ${SLURM_INCLUDE:-/usr/include}/slurm/spank.h ]]; then
        say "no Slurm headers here (Debian: libslurm-dev): installing without the Slurm plugin"
        return
    fi
    make -s -C slurm-plugin
    mkdir -p "$1/lib/slurm"
    install -m 755 target/slurm/spank_berth.so "$1/lib/slurm/spank_berth.so"
}

# What jdeps and a run of every command ask for; snakeyaml and Jackson do without java.desktop.
modules=java.base,java.net.http,java.logging,java.naming,java.xml,jdk.crypto.ec,jdk.unsupported,jdk.zipfs

install_scripts() { # PREFIX LINKS
    cat >"$1/bin/run-singularity" <<'END'
#!/bin/sh
# The interpreter that the first line of an image file names: runs the image with the berth beside this script.
here=$(dirname "$(readlink -f "$0")")
[ -x "$here/berth" ] && exec "$here/berth" --quiet run "$@"
exec /usr/bin/env berth --quiet run "$@"
END
    chmod 755 "$1/bin/run-singularity"
    rm -f "$1/bin/apptainer" "$1/bin/singularity"
    if [[ -n $2 ]]; then
        ln -s berth "$1/bin/apptainer"
        ln -s berth "$1/bin/singularity"
    fi
}

class_path_of() { # JAR: the Class-Path of its manifest (lines are folded at 72 bytes)
    python3 -c 'import sys, zipfile
lines = zipfile.ZipFile(sys.argv[1]).read("META-INF/MANIFEST.MF").decode().replace("\r\n", "\n").replace("\n ", "")
print(next(line.split(": ", 1)[1] for line in lines.split("\n") if line.startswith("Class-Path: ")))' "$1"
}

extract() { # JAR PATTERN FILE: the one entry that matches
    python3 -c 'import fnmatch, sys, zipfile
jar = zipfile.ZipFile(sys.argv[1])
[name] = fnmatch.filter(jar.namelist(), sys.argv[2])
open(sys.argv[3], "wb").write(jar.read(name))' "$1" "$2" "$3" || die "install: $1 has no $2"
    chmod 755 "$3"
}

# picocli's jar has class files of version 49, which the AOT cache refuses: every command would parse them from the jar.
recompile_picocli() { # JAR: replaced by the same sources, compiled afresh
    local sources made=target/picocli/picocli.jar
    sources=$(find target/sources -name 'picocli-*-sources.jar')
    if [[ ! -e $made || $sources -nt $made ]]; then
        rm -rf target/picocli
        mkdir -p target/picocli/{sources,classes}
        (cd target/picocli/sources && "$JAVA_HOME/bin/jar" xf "$top/$sources")
        "$JAVA_HOME/bin/javac" -nowarn -Xlint:none --release 25 -proc:none -XDstringConcat=inline -d target/picocli/classes \
            target/picocli/sources/picocli/*.java 2>&1 | grep -v '^Note:' || true
        [[ -e target/picocli/classes/picocli/CommandLine.class ]] || die "install: picocli did not compile"
        "$JAVA_HOME/bin/jar" cf "$made" -C target/picocli/classes .
    fi
    install -m 644 "$made" "$1"
}

# Bouncy Castle is used through its own classes, not as a security provider. But its jar offers one, and the JDK instantiates what the class path
# offers whenever it looks for a provider that the run-time image leaves out: in every TLS set-up. That reads a signed jar: 0.7 s of CPU time a pull.
without_provider() { # JAR: replaced by one that offers no service and is not signed
    python3 -c 'import os, re, sys, zipfile
old, new = sys.argv[1], sys.argv[1] + ".new"
with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as target:
    for entry in source.infolist():
        if re.fullmatch(r"META-INF/(services/.*|[^/]*\.(SF|RSA|DSA|EC))", entry.filename):
            continue
        data = source.read(entry)
        if entry.filename == "META-INF/MANIFEST.MF":
            data = data.replace(b"\r\n", b"\n").split(b"\n\n")[0] + b"\n\n"
        target.writestr(entry, data)
os.replace(new, old)' "$1" || die "install: $1 could not be written anew"
    chmod 644 "$1"
}

# The planner's JVM options as the launcher reads them.
jvm_options() { # PREFIX PROFILE
    sed -e '/^#/d' -e "s/^$2: *//" -e '/^short:/d' -e '/^long:/d' -e "s#@PREFIX@#$1#g" "$1/libexec/berth/jvm.options"
}

# Writes the AOT caches where they will be used: all classes of a cache are loaded at each start, so launches have one of their own. A JVM
# without it goes on, slowly and unnoticed, so a failure ends the installation.
train() { # PREFIX
    local lib=$1/libexec/berth log=target/train.log profile work
    local -a options=()
    work=$(mktemp -d)
    for profile in long short; do
        mapfile -t options < <(jvm_options "$1" "$profile")
        rm -f "$lib/$profile.aot"
        env -u JAVA_TOOL_OPTIONS -u JDK_JAVA_OPTIONS -u _JAVA_OPTIONS LC_ALL=C.UTF-8 "$lib/runtime/bin/java" "${options[@]}" \
            -XX:AOTCacheOutput="$lib/$profile.aot" -Dberth.profile="$profile" -cp "$(class_path "$lib")" org.berth.command.Main \
            --train "$profile" "$work" >"$log" 2>&1 </dev/null ||
            { grep -v 'Picked up' "$log" >&2; die "install: training the AOT cache failed"; }
        [[ -s $lib/$profile.aot ]] || { grep -v 'Picked up' "$log" >&2; die "install: the JVM wrote no AOT cache"; }
        chmod 644 "$lib/$profile.aot"
    done
    rm -rf "$work"
}

class_path() { sed "s#\\(^\\|:\\)#\\1$1/#g" "$1/classpath"; } # LIBEXEC: absolute
