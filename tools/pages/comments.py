"""The comments of the contracts, which the generated modules do not keep."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import Message

from tongban.api import include_dir


def contract_files() -> list[str]:
    """Return the contracts, as protoc names them."""
    root = include_dir()
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.proto"))


def comments() -> dict[str, str]:
    """Return the comment of everything in the contracts by its full name; of a file, under the file's name."""
    return {name: text for file in _compiled().file for name, text in _of_file(file)}


def _compiled() -> FileDescriptorSet:
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "contracts.binpb"
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{include_dir()}", "--include_source_info"]
        subprocess.run([*protoc, f"--descriptor_set_out={out}", *contract_files()], check=True)
        return FileDescriptorSet.FromString(out.read_bytes())


def _of_file(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        if location.leading_comments:
            names = list(_names(file, iter(location.path)))
            yield ".".join([file.package, *names]) if names else file.name, location.leading_comments


def _names(message: Message, path: Iterator[int]) -> Iterator[str]:
    """Names on the way of a path of field numbers and indices; none for the statements of the file itself."""
    node: Any = message
    for number in path:
        value = getattr(node, node.DESCRIPTOR.fields_by_number[number].name)
        if isinstance(value, str):
            return
        node = value[next(path)]
        yield node.name
