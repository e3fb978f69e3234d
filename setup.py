"""Build the compiled modules; everything else is in pyproject.toml.

``CDC_SANITIZE=1`` compiles them with AddressSanitizer, for the fuzzing runs. ``CDC_BUILD_LATER=1`` leaves them out of an editable
installation: the Makefile compiles them itself, where they are kept from one build to the next.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SANITIZE = ["-fsanitize=address", "-fno-omit-frame-pointer", "-g"] if os.environ.get("CDC_SANITIZE") else []
MODULES = [] if os.environ.get("CDC_BUILD_LATER") else sorted(Path("cdc").rglob("*.pyx"))


def extension(path: Path) -> Extension:
    name = ".".join(path.with_suffix("").parts)
    return Extension(name, [str(path)], extra_compile_args=["-O3", *SANITIZE], extra_link_args=SANITIZE)


setup(
    ext_modules=cythonize(
        [extension(path) for path in MODULES],
        compiler_directives={"language_level": "3", "boundscheck": True, "wraparound": False, "embedsignature": True},
        nthreads=2,
    )
)
