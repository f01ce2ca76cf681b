"""The build hook that compiles the hot modules with mypyc when RESERVE_COMPILE=1 is set, and does nothing otherwise.

Which modules these are says `pyproject.toml`. Each becomes an extension module that stands beside its source, which
tracebacks show; an installation without them runs the same sources.
"""

from __future__ import annotations

import os
import shutil
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Modules are checked once more on the way: elsewhere, with what they import or without it, that has been done well.
_OPTIONS = ["--config-file=", "--cache-dir=/dev/null", "--follow-imports=silent", "--ignore-missing-imports"]


class CompileHook(BuildHookInterface[Any]):
    """Adds the extension modules to a wheel, which is then one for this Python and this platform."""

    def dependencies(self) -> list[str]:
        return self.config["requires"] if _wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not _wanted() or self.target_name != "wheel":
            return
        if version == "editable":
            raise RuntimeError(
                "An editable installation runs the sources, which change: RESERVE_COMPILE=1 is for pip install ."
            )
        self._folder = TemporaryDirectory()
        built = Path(self._folder.name)
        _compile(Path(self.root), self.build_config.packages, self.config["modules"], built)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for path in built.rglob("*.so"):
            build_data["force_include"][str(path)] = str(path.relative_to(built))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _wanted() -> bool:
    return os.environ.get("RESERVE_COMPILE") == "1"


def _compile(root: Path, packages: list[str], modules: list[str], built: Path) -> None:
    """Compiles `modules` of the `packages` into the folder `built`."""
    # As the wheel has them: so named, files are found by tracebacks wherever they are installed.
    with TemporaryDirectory() as folder, chdir(folder):
        for package in packages:
            shutil.copytree(root / package, Path(package).name)
        from mypyc.build import mypycify
        from setuptools import Distribution

        paths = [f"{module.replace('.', '/')}.py" for module in modules]
        # A build that is only tested need not be the fastest: mypy's own variable says how hard the C compiler tries.
        level = os.environ.get("MYPYC_OPT_LEVEL", "3")
        extensions = mypycify([*_OPTIONS, *paths], opt_level=level, target_dir="c", group_name="reserve_core")
        distribution = Distribution({"name": "reserve-core", "ext_modules": extensions})
        command = distribution.get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(built), "objects"
        command.ensure_finalized()
        command.run()
