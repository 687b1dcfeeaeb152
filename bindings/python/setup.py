# SPDX-License-Identifier: Apache-2.0
"""Builds the package against the installed library (pkg-config libdataflow).

With DATAFLOW_BUNDLE=PREFIX the library and the modules that are installed in PREFIX go into the wheel, which
then needs no other package of DataFlow; librdkafka and libpq it takes from the system."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).parent
BUNDLE = os.environ.get("DATAFLOW_BUNDLE")


def pkg_config(*what):
    variables = dict(os.environ)
    if BUNDLE:
        found = [str(path.parent) for path in pathlib.Path(BUNDLE).glob("lib*/**/pkgconfig/libdataflow.pc")]
        if not found:
            raise SystemExit(f"no libdataflow.pc in {BUNDLE}: install the library there first (cmake --install)")
        variables["PKG_CONFIG_PATH"] = ":".join(found)
    command = ["pkg-config", *what, "libdataflow"]
    try:
        return subprocess.run(command, env=variables, check=True, capture_output=True, text=True).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit("libdataflow was not found: install its development package (libdataflow-dev), "
                         f"or set PKG_CONFIG_PATH or DATAFLOW_BUNDLE ({error})")


class WithLibrary(build_py):
    def run(self):
        super().run()
        if not BUNDLE:
            return
        to = pathlib.Path(self.build_lib) / "dataflow" / "lib"
        library = pathlib.Path(pkg_config("--variable=libdir")[0])
        modules = pathlib.Path(pkg_config("--variable=moduledir")[0])
        shutil.rmtree(to, ignore_errors=True)
        (to / "modules").mkdir(parents=True)
        libraries = list(library.glob("libdataflow.so.?"))
        if not libraries:
            raise SystemExit(f"no libdataflow.so in {library}")
        for file in libraries:
            shutil.copy(file, to / file.name)
        self.carry(to)
        for file in (*modules.glob("*.so"), *modules.glob("shared/*.so")):
            copy = to / "modules" / file.relative_to(modules)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(file, copy)
            # what it links lies in the folder of the library, wherever the wheel is
            self.patch(copy, "--set-rpath", "$ORIGIN/.." if copy.parent.name == "modules" else "$ORIGIN/../..")
            for old, new in self.carried.items():
                self.patch(copy, "--replace-needed", old, new)

    @staticmethod
    def patch(file, *options):
        subprocess.run(["patchelf", *options, file], check=True)

    def carry(self, to):
        """What the library itself links and a bare machine may lack comes along, under a name that nobody else's
        copy in the process has."""
        self.carried = {}
        for library in to.glob("libdataflow.so.?"):
            found = subprocess.run(["ldd", library], check=True, capture_output=True, text=True).stdout
            for name, path in re.findall(r"(lib\S+) => (/\S+)", found):
                if re.match(r"lib(c|m|dl|rt|pthread|z)\.so", name):
                    continue
                code = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:8]
                self.carried[name] = name.replace(".so", f"-{code}.so", 1)
                shutil.copy(os.path.realpath(path), to / self.carried[name])
                self.patch(to / self.carried[name], "--set-soname", self.carried[name])
            self.patch(library, "--set-rpath", "$ORIGIN")
            for old, new in self.carried.items():
                self.patch(library, "--replace-needed", old, new)


setup(
    name="dataflow-pipelines",
    version=pkg_config("--modversion")[0],
    description="Pipelines that move records from a source through transformations to sinks and lose none",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    package_dir={"": "src"},
    packages=["dataflow"],
    package_data={"dataflow": ["py.typed", "*.pyi"]},
    cmdclass={"build_py": WithLibrary},
    ext_modules=[Extension(
        "dataflow._native", sorted(str(path.relative_to(HERE)) for path in (HERE / "src/native").glob("*.c")),
        depends=["src/native/native.h", "src/native/kind.h"], py_limited_api=True,
        extra_compile_args=["-std=c11", "-D_GNU_SOURCE", "-fvisibility=hidden", *pkg_config("--cflags")],
        extra_link_args=[*pkg_config("--libs"), *(["-Wl,-rpath,$ORIGIN/lib"] if BUNDLE else [])])],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
