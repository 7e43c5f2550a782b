"""Regenerate the Python modules beside every ``.proto`` file, of ours and of the examples.

``python tools/generate_protos.py`` writes them; ``--check`` compares what is committed with a fresh run
and fails, naming the stale files, when they differ.
"""

import argparse
import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CONTRACTS = REPOSITORY / "protos"
ROOTS = [CONTRACTS, REPOSITORY / "examples" / "tongban-nantong-enquiry"]
"""Folders with contracts, whose names begin there; an example may import those of the first."""


def _protoc(root: Path, out: Path, plugins: list[str], protos: list[str]) -> None:
    outputs = [f"--{plugin}_out={out}" for plugin in plugins]
    bin_folder = Path(sys.executable).parent
    generators = [f"--plugin=protoc-gen-{name}={bin_folder / f'protoc-gen-{name}'}" for name in ("mypy", "mypy_grpc")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"-I{CONTRACTS}", *generators, *outputs, *protos]
    subprocess.run(command, cwd=root, check=True)


def generate(root: Path, out: Path) -> None:
    """Compile every contract under a root into ``out``."""
    protos = sorted(str(path.relative_to(root)) for path in root.rglob("*.proto"))
    with_service = [proto for proto in protos if "\nservice " in (root / proto).read_text(encoding="utf-8")]
    _protoc(root, out, ["python", "mypy"], protos)
    _protoc(root, out, ["grpc_python", "mypy_grpc"], with_service)


def _generated(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*_pb2*.py*") if path.suffix in {".py", ".pyi"}}


def stale(root: Path) -> list[str]:
    """Return the generated files of a root that differ from a fresh run."""
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary)
        generate(root, fresh)
        names = _generated(fresh) | _generated(root)
        return sorted(str(name) for name in names if not _same(fresh / name, root / name))


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)


def main() -> int:
    """Run the command line; 0 when all is well, 1 when a generated file is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    if not parser.parse_args().check:
        for root in ROOTS:
            generate(root, root)
        return 0
    old = [name for root in ROOTS for name in stale(root)]
    for name in old:
        print(f"stale: {name} (run python tools/generate_protos.py)", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    raise SystemExit(main())
