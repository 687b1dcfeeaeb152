# SPDX-License-Identifier: Apache-2.0
"""What every kind of package starts from: the version, the time of the last commit, a tar of the sources, and a
list of the connector modules."""
import gzip
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import connectors  # noqa: E402

MODULES = connectors.packages()
VERSION = re.search(r"project\(\S+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]


def git(*words):
    if not shutil.which("git"):
        return ""
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def epoch():
    """SOURCE_DATE_EPOCH, else the time of the last commit."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or 0)


def files():
    """The files of the sources, as git lists them, or all of them in a tree that came without git."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    if listed != [""]:
        return sorted(name for name in listed if name and (ROOT / name).exists())
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if not path.is_dir())
    return sorted(str(path) for path in found if path.parts[0] not in ("build", ".git") and "__pycache__" not in path.parts)


def tarball(output, folder):
    """The sources below `folder` in a .tar.gz: the same sources and epoch give the same bytes."""
    out, when = io.BytesIO(), epoch()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in files():
            info = tar.gettarinfo(ROOT / name, f"{folder}/{name}")
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mtime, info.mode = when, 0o755 if info.mode & 0o100 else 0o644
            if info.isreg():
                with open(ROOT / name, "rb") as stream:
                    tar.addfile(info, stream)
            else:
                tar.addfile(info)
    with open(output, "wb") as stream, gzip.GzipFile("", "wb", 6, stream, when) as packed:
        packed.write(out.getvalue())


def run(program, *command, **options):
    done = subprocess.run([str(word) for word in command], **options)
    if done.returncode != 0:
        sys.exit(f"{program}: this failed: {' '.join(map(str, command))}\n  what to do: see its output above")
    return done
