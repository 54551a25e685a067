"""Compares a mounted image with the expected tree of a test image.

usage: tree_diff.py DIRECTORY [ROOTFS.JSONL [EXTRA-PATH...]]

Prints what is there if there is nothing to compare with, else the differences, one a line, and fails if there are any. Times are compared as squashfs holds them: whole seconds
from 1970 to 2106. Extra paths must be there and are not compared.
"""
import base64
import hashlib
import json
import os
import stat
import sys

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char",
         stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def expected(listing):
    tree = {}
    with open(listing, encoding="utf-8") as lines:
        for line in lines:
            node = json.loads(line)
            path = base64.b64decode(node.pop("path_b64")) if "path_b64" in node else node.pop("path").encode()
            if "mtime" in node:
                node["mtime"] = min(max(node["mtime"], 0), 2 ** 32 - 1)
            tree[path] = node
    return tree


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def actual(root):
    tree, first = {}, {}

    def visit(path, name):
        st = os.lstat(path)
        node = {"type": KINDS[stat.S_IFMT(st.st_mode)], "mode": f"{stat.S_IMODE(st.st_mode):04o}",
                "uid": st.st_uid, "gid": st.st_gid, "mtime": int(st.st_mtime_ns // 10 ** 9)}
        if node["type"] == "file":
            node["size"], node["sha256"] = st.st_size, digest(path)
        elif node["type"] == "symlink":
            node["link"] = os.fsdecode(os.readlink(path))
        elif node["type"] in ("char", "block"):
            node["dev"] = [os.major(st.st_rdev), os.minor(st.st_rdev)]
        try:
            xattrs = {key: base64.b64encode(os.getxattr(path, key, follow_symlinks=False)).decode()
                      for key in os.listxattr(path, follow_symlinks=False)}
        except OSError:
            xattrs = {}
        if xattrs:
            node["xattrs"] = xattrs
        if node["type"] != "dir" and st.st_nlink > 1:
            node["hard"] = os.fsdecode(first.setdefault(st.st_ino, name))
            node["nlink"] = st.st_nlink
        tree[name] = node
        if node["type"] == "dir":
            for entry in sorted(os.listdir(path)):
                visit(path + b"/" + entry, (b"" if name == b"/" else name) + b"/" + entry)

    visit(os.fsencode(root), b"/")
    return tree


def main():
    got = actual(sys.argv[1])
    if len(sys.argv) == 2:
        for path in sorted(got):
            print(json.dumps({"path": os.fsdecode(path), **got[path]}))
        return
    want = expected(sys.argv[2])
    extras = {os.fsencode(path) for path in sys.argv[3:]}
    differences = [f"extra not there: {path!r}" for path in sorted(extras - set(got))]
    for path in sorted((set(want) | set(got)) - extras):
        w, g = want.get(path), got.get(path)
        if w is None or g is None:
            differences.append(f"{'unexpected' if w is None else 'missing'} {path!r}")
            continue
        keys = {"type"} if w.get("implied") else {"type", "mode", "uid", "gid", "size", "sha256", "link", "dev",
                                                  "xattrs", "hard", "nlink"} | ({"mtime"} & set(w))
        if w["type"] == "symlink":
            keys -= {"mode"}
        differences += [f"{key} {path!r}: want {w.get(key)!r}, got {g.get(key)!r}"
                        for key in sorted(keys) if w.get(key) != g.get(key)]
    print("\n".join(differences[:40]))
    sys.exit(1 if differences else 0)


main()
