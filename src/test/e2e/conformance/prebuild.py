#!/usr/bin/env python3
"""Makes the images of the cases without a container program: for `run.py --prebuilt DIR`, before Berth builds definition files itself.

    prebuild.py --out DIR [--app COMMAND]    as root: %post runs in a chroot, owners are kept

The trees are those that a build would give (layers, `.singularity.d`, apps), packed by mksquashfs and wrapped into a SIF by this file.
The signed images are made only if there is a command that signs.
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import images

FROM_ARCHIVE = {"B": "base", "D": "debian", "QCMD": "qcmd", "QENTRY": "qentry", "QBOTH": "qboth", "OENV": "oenv", "N": "scratch"}
FROM_DEFINITION = {"T": images.T_DEF, "I": images.I_DEF, "VT": images.VT_DEF}
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# ---------------------------------------------------------------- layers


def unpack(archive, tree):
    """Applies the layers of a docker-archive to an empty directory; returns the image's `config`."""
    with tarfile.open(archive) as outer:
        entry = json.load(outer.extractfile("manifest.json"))[0]
        config = json.load(outer.extractfile(entry["Config"]))
        for name in entry["Layers"]:
            data = outer.extractfile(name).read()
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                hidden = [m.name for m in layer if os.path.basename(m.name).startswith(".wh.")]
            for path in hidden:
                folder, base = os.path.split(os.path.join(tree, path))
                if base == ".wh..wh..opq":
                    for e in os.scandir(folder) if os.path.isdir(folder) else []:
                        remove(e.path)
                else:
                    remove(os.path.join(folder, base[len(".wh.") :]))
            subprocess.run(
                ["tar", "-x", "-p", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--exclude=.wh.*", "-C", tree, "-f", "-"], input=data, check=True
            )
    return config.get("config") or {}


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


# ---------------------------------------------------------------- .singularity.d


def write(tree, path, text, mode=0o755):
    p = os.path.join(tree, path)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    with open(p, "w") as f:
        f.write(text)
    os.chmod(p, mode)


def double_quoted(text):
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def oci_environment(env):
    lines = ["#!/bin/sh"]
    for item in env:
        name, eq, value = item.partition("=")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            continue
        if name == "PATH":
            lines.append(f"export PATH={double_quoted(value)}")
        elif eq:
            lines.append(f'export {name}="${{{name}:-{double_quoted(value)}}}"')
        else:
            lines.append(f'export {name}="${{{name}:-}}"')
    return "\n".join(lines) + "\n"


def single_quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def oci_runscript(config):
    """ENTRYPOINT and CMD as a script: arguments are evaluated once unless SINGULARITY_NO_EVAL is set."""
    entry, cmd = config.get("Entrypoint") or [], config.get("Cmd") or []
    words = lambda ws: single_quoted(" ".join(double_quoted(w) for w in ws))
    literal = lambda ws: "".join(f"    set -- {single_quoted(w)} \"$@\"\n" for w in reversed(ws))
    return (
        "#!/bin/sh\n"
        f"OCI_ENTRYPOINT={words(entry)}\n"
        f"OCI_CMD={words(cmd)}\n"
        "\n"
        'if [ -n "${SINGULARITY_NO_EVAL:-}" ]; then\n'
        + ("    if [ $# -eq 0 ]; then\n" + literal(cmd).replace("    set", "        set") + "    fi\n" if cmd else "")
        + literal(entry)
        + '    exec "$@"\n'
        "fi\n"
        "\n"
        'CMDLINE_ARGS=""\n'
        'for arg in "$@"; do\n'
        '    CMDLINE_ARGS="${CMDLINE_ARGS} \\"$arg\\""\n'
        "done\n"
        "if [ -n \"$OCI_ENTRYPOINT\" ]; then\n"
        '    if [ $# -gt 0 ]; then\n'
        '        SINGULARITY_OCI_RUN="${OCI_ENTRYPOINT} ${CMDLINE_ARGS}"\n'
        "    else\n"
        '        SINGULARITY_OCI_RUN="${OCI_ENTRYPOINT} ${OCI_CMD}"\n'
        "    fi\n"
        "elif [ $# -gt 0 ]; then\n"
        '    SINGULARITY_OCI_RUN="${CMDLINE_ARGS}"\n'
        "else\n"
        '    SINGULARITY_OCI_RUN="${OCI_CMD}"\n'
        "fi\n"
        "\n"
        'eval "set ${SINGULARITY_OCI_RUN}"\n'
        'exec "$@"\n'
    )


# What a container without our own start-up code would need; Berth does these things itself.
ENV_FILES = {
    "01-base.sh": "#!/bin/sh\n# Variables of the base system: none.\n",
    "90-environment.sh": "#!/bin/sh\n# Custom environment shell code should follow\n\n",
    "95-apps.sh": """#!/bin/sh
# The environment of the chosen application.
if [ -n "${SINGULARITY_APPNAME:-}" ]; then
    if [ -d "/scif/apps/${SINGULARITY_APPNAME}" ]; then
        SCIF_APPNAME="${SINGULARITY_APPNAME}"
        SCIF_APPROOT="/scif/apps/${SCIF_APPNAME}"
        export SCIF_APPNAME SCIF_APPROOT
        if [ -d "${SCIF_APPROOT}/bin" ]; then
            PATH="${SCIF_APPROOT}/bin:${PATH}"
            export PATH
        fi
        if [ -d "${SCIF_APPROOT}/lib" ]; then
            LD_LIBRARY_PATH="${SCIF_APPROOT}/lib${LD_LIBRARY_PATH:+:${LD_LIBRARY_PATH}}"
            export LD_LIBRARY_PATH
        fi
        for script in "${SCIF_APPROOT}/scif/env/01-base.sh" "${SCIF_APPROOT}/scif/env/90-environment.sh"; do
            if [ -f "$script" ]; then
                . "$script"
            fi
        done
    else
        echo "Could not locate the container application: ${SINGULARITY_APPNAME}"
        exit 1
    fi
fi
""",
    "99-base.sh": """#!/bin/sh
# Libraries that the runtime puts into the container.
LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH}:}/.singularity.d/libs"
PS1="${PS1:-Apptainer> }"
export LD_LIBRARY_PATH PS1
""",
    "99-runtimevars.sh": """#!/bin/sh
# Search paths given by the user at run time.
if [ -n "${SING_USER_DEFINED_PREPEND_PATH:-}" ]; then
    PATH="${SING_USER_DEFINED_PREPEND_PATH}:${PATH}"
fi
if [ -n "${SING_USER_DEFINED_APPEND_PATH:-}" ]; then
    PATH="${PATH}:${SING_USER_DEFINED_APPEND_PATH}"
fi
if [ -n "${SING_USER_DEFINED_PATH:-}" ]; then
    PATH="${SING_USER_DEFINED_PATH}"
fi
unset SING_USER_DEFINED_PREPEND_PATH SING_USER_DEFINED_APPEND_PATH SING_USER_DEFINED_PATH
export PATH
""",
}

LINKS = {
    "singularity": ".singularity.d/runscript",
    ".run": ".singularity.d/actions/run",
    ".exec": ".singularity.d/actions/exec",
    ".test": ".singularity.d/actions/test",
    ".shell": ".singularity.d/actions/shell",
    "environment": ".singularity.d/env/90-environment.sh",
}


def insert_runtime(tree, config):
    """The files that every image has, and what an OCI image's configuration becomes."""
    for d in ("dev", "proc", "root", "var/tmp", "tmp", "etc", "sys", "home", ".singularity.d/libs"):
        if not os.path.isdir(os.path.join(tree, d)):
            os.makedirs(os.path.join(tree, d))
    for f in ("etc/hosts", "etc/resolv.conf"):
        write(tree, f, "", 0o644)
    source = 'for script in /.singularity.d/env/*.sh; do\n    if [ -f "$script" ]; then\n        . "$script"\n    fi\ndone\n'
    for action, last in {
        "exec": 'exec "$@"',
        "run": 'exec /.singularity.d/runscript "$@"',
        "shell": 'exec /bin/sh "$@"',
        "start": 'exec /.singularity.d/startscript "$@"',
        "test": 'exec /.singularity.d/test "$@"',
    }.items():
        write(tree, f".singularity.d/actions/{action}", f"#!/bin/sh\n{source}{last}\n")
    for name, text in ENV_FILES.items():
        write(tree, ".singularity.d/env/" + name, text)
    write(tree, ".singularity.d/env/10-docker2singularity.sh", oci_environment(config.get("Env") or []))
    write(tree, ".singularity.d/runscript", oci_runscript(config))
    write(tree, ".singularity.d/startscript", "#!/bin/sh\n")
    for name, target in LINKS.items():
        if not os.path.lexists(os.path.join(tree, name)):
            os.symlink(target, os.path.join(tree, name))


def common_labels(header):
    now = datetime.datetime.now(datetime.timezone.utc)
    date = f"{now:%A}_{now.day}_{now:%B}_{now.year}_{now.hour}:{now.minute}:{now.second}_UTC"
    return {
        "org.label-schema.schema-version": "1.0",
        "org.label-schema.build-date": date,
        "org.label-schema.build-arch": "amd64",
        "org.opencontainers.image.created": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "org.opencontainers.image.architecture": "amd64",
        "org.label-schema.usage.apptainer.version": "0-prebuilt",
        **{f"org.label-schema.usage.singularity.deffile.{k}": v for k, v in header.items()},
    }


# ---------------------------------------------------------------- definition files


def parse(text):
    """A definition of one stage: its header and its sections, (name, app) to the body."""
    header, sections, current = {}, {}, None
    for line in text.splitlines():
        m = re.match(r"\s*%(\w+)\s*(\S*)", line)
        if m:
            current = (m[1], m[2])
            sections.setdefault(current, "")
        elif current:
            sections[current] += line + "\n"
        elif ":" in line:
            key, _, value = line.partition(":")
            header[key.strip().lower()] = value.strip()
    return header, sections


def labels_of(body):
    pairs = (line.strip().split(None, 1) for line in body.splitlines() if line.strip())
    return {p[0]: p[1].strip() if len(p) > 1 else "" for p in pairs}


def script_of(body):
    body = body.rstrip("\n") + "\n"
    return body if body.lstrip().startswith("#!") else "#!/bin/sh\n\n" + body


def app_environment(name):
    v = {
        "SCIF_APPNAME": name,
        "SCIF_APPROOT": f"/scif/apps/{name}",
        "SCIF_APPMETA": f"/scif/apps/{name}/scif",
        "SCIF_DATA": "/scif/data",
        "SCIF_APPDATA": f"/scif/data/{name}",
        "SCIF_APPINPUT": f"/scif/data/{name}/input",
        "SCIF_APPOUTPUT": f"/scif/data/{name}/output",
    }
    return "#!/bin/sh\n" + "".join(f"{k}={x}\n" for k, x in v.items()) + "export " + " ".join(v) + "\n"


def build(text, tree):
    """Carries the definition out in the tree; returns the OCI configuration and what inspect shows."""
    header, sections = parse(text)
    config = unpack(header["from"], tree)
    insert_runtime(tree, config)
    apps = list(dict.fromkeys(app for (_, app) in sections if app))
    environment = dict(PATH=DEFAULT_PATH, LANG="C", HOME="/root")
    if ("setup", "") in sections:
        subprocess.run(["/bin/sh", "-e"], input=sections["setup", ""], text=True, check=True, env=dict(environment, APPTAINER_ROOTFS=tree))
    for app in apps:
        for d in ("bin", "lib", "scif/env"):
            os.makedirs(os.path.join(tree, "scif/apps", app, d))
        for d in ("input", "output"):
            os.makedirs(os.path.join(tree, "scif/data", app, d))
        write(tree, f"scif/apps/{app}/scif/env/01-base.sh", app_environment(app))
    post = sections.get(("post", ""), "")
    for app in apps:
        if ("appinstall", app) in sections:
            post += f"cd /\n. /scif/apps/{app}/scif/env/01-base.sh\ncd /scif/apps/{app}\n{sections['appinstall', app]}\ncd /\n"
    if post:
        subprocess.run(
            ["chroot", tree, "/bin/sh", "-e"],
            input=post,
            text=True,
            check=True,
            env=dict(environment, APPTAINER_ENVIRONMENT="/.singularity.d/env/91-environment.sh", APPTAINER_LABELS="/.build.labels"),
        )
    attributes = {"apps": {}, "environment": {}}
    labels = {**(config.get("Labels") or {}), **common_labels(header), **labels_of(sections.get(("labels", ""), ""))}
    made = os.path.join(tree, ".build.labels")
    if os.path.exists(made):
        labels |= labels_of(open(made).read())
        os.unlink(made)
    custom = os.path.join(tree, ".singularity.d/env/91-environment.sh")
    if os.path.exists(custom):
        os.chmod(custom, 0o755)
    if ("environment", "") in sections:
        write(tree, ".singularity.d/env/90-environment.sh", ENV_FILES["90-environment.sh"] + sections["environment", ""])
    if ("help", "") in sections:
        write(tree, ".singularity.d/runscript.help", sections["help", ""], 0o644)
        for k in ("org.label-schema.usage", "org.label-schema.usage.apptainer.runscript.help"):
            labels[k] = "/.singularity.d/runscript.help"
        attributes["helpfile"] = sections["help", ""]
    for section, file in (("runscript", "runscript"), ("startscript", "startscript"), ("test", "test")):
        if (section, "") in sections:
            write(tree, ".singularity.d/" + file, script_of(sections[section, ""]))
    if apps:
        base = "#!/bin/sh\nSCIF_APPS=/scif/apps\nSCIF_DATA=/scif/data\nexport SCIF_APPS SCIF_DATA\n"
        for app in apps:
            for k, p in (("ROOT", "apps/" + app), ("BIN", f"apps/{app}/bin"), ("LIB", f"apps/{app}/lib"), ("META", f"apps/{app}/scif"), ("DATA", "data/" + app)):
                base += f"export SCIF_APP{k}_{app}=/scif/{p}\n"
        write(tree, ".singularity.d/env/94-appsbase.sh", base)
    for app in apps:
        attributes["apps"][app] = insert_app(tree, app, sections)
    write(tree, ".singularity.d/Singularity", text, 0o644)
    return config, describe(tree, attributes, labels, text)


def insert_app(tree, app, sections):
    shown, meta = {}, f"scif/apps/{app}/scif/"
    body = lambda section: sections.get((section, app))
    if body("appenv") is not None:
        write(tree, meta + "env/90-environment.sh", "#!/bin/sh\n" + body("appenv"))
        shown["environment"] = {f"/{meta}env/90-environment.sh": "#!/bin/sh\n" + body("appenv")}
    for section, file in (("apprun", "runscript"), ("appstart", "startscript"), ("apptest", "test")):
        if body(section) is not None:
            write(tree, meta + file, script_of(body(section)))
            shown[file] = script_of(body(section))
    if body("apphelp") is not None:
        write(tree, meta + "runscript.help", body("apphelp"), 0o644)
        shown["helpfile"] = body("apphelp")
    shown["labels"] = {"SCIF_APP_NAME": app, **labels_of(body("applabels") or "")}
    write(tree, meta + "labels.json", json.dumps(shown["labels"]), 0o644)
    return shown


def describe(tree, attributes, labels, definition):
    """The object inspect-metadata.json, and labels.json in the tree."""
    write(tree, ".singularity.d/labels.json", json.dumps(labels), 0o644)
    read = lambda p: open(os.path.join(tree, ".singularity.d", p)).read()
    attributes = dict(attributes, labels=labels, runscript=read("runscript"), startscript=read("startscript"), deffile=definition)
    for n in sorted(os.listdir(os.path.join(tree, ".singularity.d/env"))):
        if re.match(r"(10-docker|9[01]-environment)", n):
            attributes.setdefault("environment", {})["/.singularity.d/env/" + n] = read("env/" + n)
    if os.path.exists(os.path.join(tree, ".singularity.d/test")):
        attributes["test"] = read("test")
    return {"data": {"attributes": {k: v for k, v in sorted(attributes.items()) if v}}, "type": "container"}


def convert(archive, tree):
    config = unpack(archive, tree)
    header = {"bootstrap": "docker-archive", "from": archive}
    insert_runtime(tree, config)
    text = "".join(f"{k}: {v}\n" for k, v in header.items())
    return text, config, describe(tree, {}, {**(config.get("Labels") or {}), **common_labels(header)}, text)


# ---------------------------------------------------------------- SIF

TABLE, SLOTS, SLOT, DATA = 4096, 48, 585, 4096 + 48 * 585
DEFFILE, PARTITION, JSON = 0x4001, 0x4004, 0x4006


def sif(path, definition, documents, squashfs):
    """Writes definition, JSON objects and a primary amd64 squashfs partition."""
    now, descriptors, end = int(time.time()), [], DATA
    with open(path, "wb") as f:
        objects = [(DEFFILE, "", definition.encode(), b"", 1)]
        objects += [(JSON, n, json.dumps(v, sort_keys=True).encode(), b"", 1) for n, v in sorted(documents.items()) if v]
        with open(squashfs, "rb") as s:
            objects.append((PARTITION, "", s.read(), struct.pack("<ii3s", 1, 2, b"02\0"), 4096))
        for kind, name, data, extra, align in objects:
            at = -(-end // align) * align
            descriptors.append(
                struct.pack(
                    "<iBIIIqqqqqqq128s384s",
                    kind, 1, len(descriptors) + 1, 0xF0000001, 0, at, len(data), at - end + len(data), now, now, 0, 0, name.encode(), extra,
                )
            )  # fmt: skip
            f.seek(at)
            f.write(data)
            end = at + len(data)
        f.seek(TABLE)
        f.write(b"".join(descriptors))
        f.seek(0)
        f.write(
            struct.pack(
                "<32s10s3s3s16sqqqqqqqq",
                b"#!/usr/bin/env run-singularity\n", b"SIF_MAGIC", b"01", b"02", uuid.uuid4().bytes, now, now,
                SLOTS - len(descriptors), SLOTS, TABLE, SLOTS * SLOT, DATA, end - DATA,
            )
        )  # fmt: skip
    os.chmod(path, 0o755)


def make(name, material, out, work):
    tree = os.path.join(work, name)
    os.mkdir(tree, 0o755)
    if name in FROM_DEFINITION:
        definition = FROM_DEFINITION[name].replace("{base}", material("base"))
        config, metadata = build(definition, tree)
    else:
        definition, config, metadata = convert(material(FROM_ARCHIVE[name]), tree)
    packed = os.path.join(work, name + ".sqfs")
    subprocess.run(["mksquashfs", tree, packed, "-noappend", "-no-progress", "-quiet", "-comp", "gzip"], check=True, stdout=subprocess.DEVNULL)
    sif(os.path.join(out, name + ".sif.new"), definition, {"inspect-metadata.json": metadata, "oci-config.json": config}, packed)
    os.rename(os.path.join(out, name + ".sif.new"), os.path.join(out, name + ".sif"))
    if name == "T":
        subprocess.run(["tar", "-c", "-C", tree, "-f", os.path.join(out, "SB.tar"), "."], check=True)


def sign(app, source, out, work):
    """SIGNED and KSIGNED, with the keys that verify them."""
    env = dict(os.environ, APPTAINER_KEYSDIR=os.path.join(work, "keys"))
    run = lambda *words, **more: subprocess.run([app, "-q", *words], check=True, env=env, stdout=subprocess.DEVNULL, **more)
    for to in ("private.pem", "public.pem"):
        made = os.path.join(source.material, to)
        if os.path.abspath(made) != os.path.join(out, to):
            shutil.copyfile(made, os.path.join(out, to))
    for name in ("SIGNED", "KSIGNED"):
        shutil.copyfile(os.path.join(out, "B.sif"), os.path.join(work, name))
        os.chmod(os.path.join(work, name), 0o755)
    run("key", "newpair", "-N", "Suite", "-E", "suite@example.org", "-C", "test", "-P", "", "-b", "2048")
    run("sign", os.path.join(work, "SIGNED"))
    run("sign", "--key", os.path.join(out, "private.pem"), os.path.join(work, "KSIGNED"))
    run("key", "export", "-a", os.path.join(out, "SIGNED.asc"), input=b"0\n")
    for name in ("SIGNED", "KSIGNED"):
        shutil.move(os.path.join(work, name), os.path.join(out, name + ".sif"))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", metavar="DIR", required=True)
    ap.add_argument("--app", metavar="COMMAND", help="signs the images SIGNED and KSIGNED")
    args = ap.parse_args()
    out = os.path.abspath(args.out)
    if os.geteuid() != 0:
        raise SystemExit("prebuild.py: must be root, to keep owners and to run %post in a chroot")
    os.makedirs(out, exist_ok=True)
    source = images.Images(out, ["true"], None, {}, prebuilt=out)
    source.make_material()
    key = hashlib.sha256()
    for p in (__file__, images.__file__, source.path("base"), source.path("debian")):
        if os.path.exists(p):
            key.update(open(p, "rb").read())
    stamp = os.path.join(out, "made-" + key.hexdigest()[:12])
    if os.path.exists(stamp) and (not args.app or os.path.exists(os.path.join(out, "KSIGNED.sif"))):
        return 0
    with tempfile.TemporaryDirectory(prefix="prebuild.") as work:
        for name in [*FROM_ARCHIVE, *FROM_DEFINITION]:
            if name == "D" and not os.path.exists(source.path("debian")):
                print("prebuild.py: no image D: the corpus has no debian", file=sys.stderr)
                continue
            make(name, source.path, out, work)
        if args.app:
            sign(args.app, source, out, work)
    for old in os.listdir(out):
        if old.startswith("made-"):
            os.unlink(os.path.join(out, old))
    open(stamp, "w").close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
