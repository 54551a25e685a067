"""growth.py DIRECTORY LAYERS PATHS BYTES: an OCI layout whose layers share so many regular files of so many bytes in all.

Every file has other content, so that none is found to be there already; about half of it compresses away, as with programs.
"""

import hashlib
import json
import os
import random
import sys
import zlib

BLOCK = 512


def header(name, size):
    block = bytearray(BLOCK)
    for at, text in ((0, name), (100, "0000644"), (108, "0000000"), (116, "0000000"), (124, f"{size:011o}"), (136, f"{1_700_000_000:011o}"), (148, " " * 8)):
        block[at : at + len(text)] = text.encode()
    block[156:157] = b"0"
    block[257:265] = b"ustar\00000"
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def member(data, level=1):
    """A gzip member; a layer is many of them, so that what comes again need not be compressed again."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, 31)
    return deflate.compress(data) + deflate.flush()


class Layer:
    def __init__(self, directory):
        self.directory, self.digest, self.diff_id, self.size = directory, hashlib.sha256(), hashlib.sha256(), 0
        self.path = os.path.join(directory, "blobs", "sha256", "new")
        self.file, self.waiting = open(self.path, "wb"), bytearray()

    def put(self, plain, packed=None):
        self.diff_id.update(plain)
        if packed is None:
            self.waiting += plain
            if len(self.waiting) < 4 << 20:
                return
        self.flush()
        if packed is not None:
            self.write(packed)

    def flush(self):
        if self.waiting:
            self.write(member(self.waiting))
            self.waiting.clear()

    def write(self, packed):
        self.digest.update(packed)
        self.size += len(packed)
        self.file.write(packed)

    def end(self):
        self.put(bytes(2 * BLOCK))
        self.flush()
        self.file.close()
        os.rename(self.path, os.path.join(self.directory, "blobs", "sha256", self.digest.hexdigest()))
        return {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + self.digest.hexdigest(), "size": self.size}


def blob(directory, media_type, document):
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(directory, "blobs", "sha256", digest), "wb") as f:
        f.write(data)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}


def main(directory, layers, paths, size):
    os.makedirs(os.path.join(directory, "blobs", "sha256"))
    noise = random.Random(1)
    each = max(16, size // paths)
    # Behind its first block a file has a piece of this; large files have the same, which need be compressed only once.
    rest = max(0, each - BLOCK)
    pool = b"".join(noise.randbytes(64) + b"the same words again and again. " * 2 for _ in range((rest + (4 << 20)) // 128))
    large = rest > 64 << 10
    packed = member(pool[:rest] + bytes(-rest % BLOCK)) if large else None
    descriptors, diff_ids = [], []
    for n in range(layers):
        layer = Layer(directory)
        for i in range(n * paths // layers, (n + 1) * paths // layers):
            start = (f"{i:016d}" + noise.randbytes(64).hex() if each >= BLOCK else f"{i:016d}").encode()
            start = start.ljust(min(each, BLOCK), b"#")
            at = 0 if large else i * rest % (4 << 20)
            layer.put(header(f"opt/data/part-{i // 1000:04d}/file-{i:07d}.dat", len(start) + rest) + start.ljust(BLOCK, b"\0"))
            if rest:
                layer.put(pool[at : at + rest] + bytes(-rest % BLOCK), packed)
        descriptors.append(layer.end())
        diff_ids.append("sha256:" + layer.diff_id.hexdigest())
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = {"architecture": machine, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(directory, "application/vnd.oci.image.config.v1+json", config),
        "layers": descriptors,
    }
    entry = blob(directory, manifest["mediaType"], manifest)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    with open(os.path.join(directory, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, f)
    with open(os.path.join(directory, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')


main(sys.argv[1], *map(int, sys.argv[2:]))
