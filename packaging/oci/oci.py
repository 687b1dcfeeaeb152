#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a container image as a tar of an OCI layout, from files, without any container program.

    oci.py --name NAME:TAG --output IMAGE.tar --entrypoint PROGRAM --file SOURCE:/TARGET...

The same files give the same bytes: owners are root, times are SOURCE_DATE_EPOCH (0 without it),
names are sorted. `build` beside it uses Image for the product's image.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import stat
import tarfile
import time

MEDIA = "application/vnd.oci.image"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def epoch():
    return int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def when():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch()))


def architecture():
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


def entry(name, mode, kind=tarfile.REGTYPE, link="", size=0):
    info = tarfile.TarInfo(name.strip("/"))
    info.mode, info.type, info.linkname, info.size = mode, kind, link, size
    return info


class Layer:
    """A tree of files: path in the image to content. Parent folders come by themselves."""

    def __init__(self, time_of_all=None):
        self.entries = {}
        self.time = epoch() if time_of_all is None else time_of_all

    def put(self, target, info, content=b""):
        parent = os.path.dirname(target.rstrip("/"))
        if parent not in ("", "/") and parent not in self.entries:
            self.folder(parent)
        info.mtime = self.time
        self.entries[target.rstrip("/")] = (info, content)

    def folder(self, target, mode=0o755):
        self.put(target, entry(target, mode, tarfile.DIRTYPE))

    def text(self, target, text, mode=0o644):
        content = text.encode()
        self.put(target, entry(target, mode, size=len(content)), content)

    def link(self, target, to):
        self.put(target, entry(target, 0o777, tarfile.SYMTYPE, link=to))

    def file(self, source, target):
        """A file or symbolic link of this machine; only whether it can be run is kept of its mode."""
        if os.path.islink(source):
            return self.link(target, os.readlink(source))
        with open(source, "rb") as stream:
            content = stream.read()
        mode = 0o755 if os.stat(source).st_mode & stat.S_IXUSR else 0o644
        return self.put(target, entry(target, mode, size=len(content)), content)

    def tar(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for _, (info, content) in sorted(self.entries.items()):
                tar.addfile(info, io.BytesIO(content))
        return out.getvalue()

    def unpack(self, folder):
        with tarfile.open(fileobj=io.BytesIO(self.tar())) as tar:
            tar.extractall(folder, filter="fully_trusted") if hasattr(tarfile, "data_filter") else tar.extractall(folder)


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Image:
    def __init__(self, layers, config, labels):
        """config: what a container is started with (Entrypoint, User, Env, ...)."""
        self.blobs, descriptors, plain = {}, [], []
        for layer in layers:
            tar = layer.tar()
            plain.append(digest(tar))
            descriptors.append(self.blob(f"{MEDIA}.layer.v1.tar+gzip", gzip.compress(tar, 9, mtime=0)))
        own = {"created": when(), "architecture": architecture(), "os": "linux",
               "config": {**config, "Labels": labels}, "rootfs": {"type": "layers", "diff_ids": plain},
               "history": [{"created": when(), "created_by": "packaging/oci/oci.py"}] * len(plain)}
        self.manifest = self.json_blob(f"{MEDIA}.manifest.v1+json", {
            "schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json",
            "config": self.json_blob(f"{MEDIA}.config.v1+json", own), "layers": descriptors, "annotations": labels})

    def blob(self, media, content):
        self.blobs[digest(content)] = content
        return {"mediaType": media, "digest": digest(content), "size": len(content)}

    def json_blob(self, media, value):
        return self.blob(media, json.dumps(value, sort_keys=True).encode())

    def size(self):
        return sum(len(content) for content in self.blobs.values())

    def write(self, path, name):
        """name: repository:tag, under which `ctr images import` and `podman load` know the image."""
        tag = name.rpartition(":")[2]
        annotations = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}
        top = {**self.manifest, "annotations": annotations,
               "platform": {"architecture": architecture(), "os": "linux"}}
        layout = Layer()
        layout.text("/oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}))
        layout.text("/index.json", json.dumps({"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json",
                                               "manifests": [top]}, sort_keys=True))
        for name_of, content in self.blobs.items():
            target = "/blobs/" + name_of.replace(":", "/")
            layout.put(target, entry(target, 0o644, size=len(content)), content)
        with open(path, "wb") as out:
            out.write(layout.tar())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--entrypoint", required=True)
    parser.add_argument("--user", default="65532:65532")
    parser.add_argument("--file", action="append", default=[], metavar="SOURCE:/TARGET")
    options = parser.parse_args()
    layer = Layer()
    for pair in options.file:
        source, _, target = pair.partition(":")
        layer.file(source, target)
    Image([layer], {"Entrypoint": [options.entrypoint], "User": options.user}, {}).write(options.output, options.name)


if __name__ == "__main__":
    main()
