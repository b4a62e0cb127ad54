"""Local stand-ins for the images of docker-compose.yaml, under their official names, where no registry is reached.

One root file system of Debian with PostgreSQL, Redis and Python (debootstrap) is the base of all. Airflow's has the
pinned packages on top, in the place where the official image has them; the Dockerfile then finds everything installed.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from harness.controlplane import binaries
from tests.compose.engine import Engine, NoDocker

LABEL = "airflow-ack-sagemaker.stand-in"
ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).parent
_BASE = "airflow-ack-sagemaker/stand-in-base"
# Debian 12: the Python of its root file system is one that the package supports.
_SUITE, _PYTHON = "bookworm", "3.11"
_PACKAGES = ("curl", "dumb-init", "postgresql-15", "python3", "redis-server")
# Half of it is not needed by anything that runs: documentation, locales, and a compiler for PostgreSQL's queries.
_NEEDLESS = (
    "usr/lib/llvm-*",
    "usr/lib/postgresql/*/lib/bitcode",
    "usr/lib/postgresql/*/lib/llvmjit.so",
    "usr/lib/*/libLLVM-*",
    "usr/lib/*/libz3.so*",
    "usr/lib/python3*/EXTERNALLY-MANAGED",
    "usr/share/doc",
    "usr/share/i18n",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
)


def make(engine: Engine, images: Mapping[str, str]) -> None:
    """Have the stand-ins in the engine, that of the controller excepted; `images`: service -> its official image.

    :raises NoDocker: debootstrap is missing.
    :raises NoControlPlane: kube-apiserver cannot be built.
    """
    base = _base(engine)
    for name in ("postgres", "redis"):
        _image(engine, name, images[name], base)
    programs = binaries()
    for name in ("etcd", "kube-apiserver"):
        _image(engine, name, images[name], base, {name: programs / name}, programs.name.encode())
    _airflow(engine, images["airflow"], base)
    engine.docker("image", "prune", "--force")


def make_controller(engine: Engine, image: str, ours: str) -> None:
    """Have the sandbox's controller in place of the official one; `ours` is the image with our package."""
    identity = engine.docker("image", "inspect", "--format={{.Id}}", ours)
    _image(engine, "ack-controller", image, ours, None, identity.encode())


def remove(engine: Engine, images: Mapping[str, str]) -> None:
    """Have none of them in the engine."""
    for image in images.values():
        if engine.label(image, LABEL):
            engine.docker("image", "rm", "--force", image)


def _base(engine: Engine) -> str:
    """The image of the root file system, made if this one is not there (a minute and a half)."""
    digest = _digest(_SUITE, _PACKAGES, _NEEDLESS)
    image = f"{_BASE}:{digest}"
    if engine.label(image, LABEL):
        return image
    if shutil.which("debootstrap") is None:
        raise NoDocker("No registry is reached, and there is no debootstrap to make stand-ins with.")
    print("making a root file system for the stand-ins (once, 2 minutes)", flush=True)
    with tempfile.TemporaryDirectory(prefix="rootfs-") as folder:
        root = Path(folder)
        _run("debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, folder, *_mirror())
        for pattern in _NEEDLESS:
            for path in root.glob(pattern):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        with subprocess.Popen(["tar", "--create", "--directory", folder, "."], stdout=subprocess.PIPE) as archive:
            engine.docker("import", "--change", f"LABEL {LABEL}={digest}", "-", image, stdin=archive.stdout)
    return image


def _mirror() -> list[str]:
    """Where this machine's apt gets Debian from; nothing where it is another suite."""
    wanted = ["Created-By: Packages", f"Codename: {_SUITE}"]
    found = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted).split()
    return found[:1]


def _airflow(engine: Engine, image: str, base: str) -> None:
    constraints = ROOT / "constraints" / "newest.txt"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = (project["project"]["dependencies"], project["project"]["optional-dependencies"]["sandbox"])
    pins = constraints.read_bytes() + repr((*wanted, project["dependency-groups"]["image"])).encode()
    if engine.label(image, LABEL) == _image_digest("airflow", base, pins):
        return
    print("making a stand-in for the image of Airflow (once for these pins, 3 minutes)", flush=True)
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        site = Path(folder, "site")
        _run(
            str(Path(sys.executable).with_name("uv")),
            *("pip", "install", "--quiet", "--target", str(site), "--python", sys.executable),
            *("--python-version", _PYTHON, "--python-platform", f"{platform.machine()}-manylinux_2_28"),
            *("--constraints", str(constraints), "--requirements", str(ROOT / "pyproject.toml")),
            *("--extra", "sandbox", "--group", f"{ROOT / 'pyproject.toml'}:image"),
        )
        for tests in site.glob("*/tests"):
            shutil.rmtree(tests)
        for script in (site / "bin").iterdir():
            first, _, rest = script.read_bytes().partition(b"\n")
            if first.startswith(b"#!"):
                script.write_bytes(b"#!/usr/bin/python3\n" + rest)
        archive = Path(folder, "site.tar")
        place = f"s,^[.]/bin,home/airflow/.local/bin,;s,^[.],home/airflow/.local/lib/python{_PYTHON}/site-packages,"
        owner = ("--owner=50000", "--group=0", "--hard-dereference", f"--transform={place}")
        _run("tar", "--create", "--file", str(archive), "--directory", str(site), *owner, ".")
        shutil.rmtree(site)
        _image(engine, "airflow", image, base, {"site.tar": archive}, pins)


def _image(
    engine: Engine, name: str, image: str, base: str, files: Mapping[str, Path] | None = None, *inputs: bytes
) -> None:
    """Build an image from the folder `images/<name>` and more files, if it is not there.

    `inputs` are what the files are made from.
    """
    recipe = _HERE / "images" / name
    digest = _image_digest(name, base, *inputs)
    if engine.label(image, LABEL) == digest:
        return
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        shutil.copytree(recipe, folder, dirs_exist_ok=True)
        for file, content in (files or {}).items():
            shutil.copy(content, Path(folder, file))
        engine.docker("build", "--label", f"{LABEL}={digest}", "--build-arg", f"BASE={base}", "--tag", image, folder)


def _image_digest(name: str, base: str, *inputs: bytes) -> str:
    recipe = sorted((_HERE / "images" / name).iterdir())
    return _digest(base, *(path.read_bytes() for path in recipe), *inputs)


def _digest(*inputs: object) -> str:
    return hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]


def _run(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-3000:]}")
    return done.stdout
