"""What plugins and windows import: the listed names, sorted, and no other public one."""

from types import ModuleType

import pytest

import tongban.core
import tongban.core.client

PACKAGES = [tongban.core, tongban.core.client]


def exported(package: ModuleType) -> set[str]:
    """Return the public names of a package that are no modules; its version counts as public."""
    own = {name for name, value in vars(package).items() if not isinstance(value, ModuleType)}
    return {name for name in own if not name.startswith("_") or name == "__version__"}


def place(name: str) -> tuple[bool, bool, str]:
    """Return where a name stands: constants, then classes, then functions."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_is_sorted_and_without_repeats(package: ModuleType) -> None:
    assert list(package.__all__) == sorted(set(package.__all__), key=place)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_is_exactly_what_is_exported(package: ModuleType) -> None:
    assert exported(package) == set(package.__all__)
