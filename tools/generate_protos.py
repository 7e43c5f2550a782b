"""Regenerate the Python modules beside every ``.proto`` file.

``python tools/generate_protos.py`` writes them; ``--check`` compares what is committed with a fresh run
and fails, naming the stale files, when they differ.
"""

import argparse
import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "protos"


def _protoc(out: Path, plugins: list[str], protos: list[str]) -> None:
    outputs = [f"--{plugin}_out={out}" for plugin in plugins]
    bin_folder = Path(sys.executable).parent
    generators = [f"--plugin=protoc-gen-{name}={bin_folder / f'protoc-gen-{name}'}" for name in ("mypy", "mypy_grpc")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *generators, *outputs, *protos]
    subprocess.run(command, cwd=ROOT, check=True)


def generate(out: Path) -> None:
    """Compile every contract under ``protos/`` into ``out``."""
    protos = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.proto"))
    with_service = [proto for proto in protos if "\nservice " in (ROOT / proto).read_text(encoding="utf-8")]
    _protoc(out, ["python", "mypy"], protos)
    _protoc(out, ["grpc_python", "mypy_grpc"], with_service)


def _generated(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*_pb2*.py*") if path.suffix in {".py", ".pyi"}}


def stale() -> list[str]:
    """Return the generated files that differ from a fresh run."""
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary)
        generate(fresh)
        names = _generated(fresh) | _generated(ROOT)
        return sorted(str(name) for name in names if not _same(fresh / name, ROOT / name))


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)


def main() -> int:
    """Run the command line; 0 when all is well, 1 when a generated file is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    old = stale()
    for name in old:
        print(f"stale: {name} (run python tools/generate_protos.py)", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    raise SystemExit(main())
