"""What a node gives a plugin: the settings that the operator wrote for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SettingError(Exception):
    """A plugin's setting is missing or wrong; the text names the key, the rule and the remedy."""


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """The table ``[plugins.NAME]`` of node.toml."""

    home: Path
    """The node's folder; relative paths start there."""
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text setting.

        Raises:
            SettingError: it is missing and has no default, or it is no text.
        """
        value = self.values.get(key, default)
        if isinstance(value, str):
            return value
        raise SettingError(f"setting {key} must be a text; write it in the plugin's table of node.toml")

    def path(self, key: str) -> Path:
        """Return a setting that names an existing file.

        Raises:
            SettingError: it is missing, no text, or there is no such file.
        """
        path = self.home / self.text(key)
        if not path.is_file():
            raise SettingError(f"setting {key} names {path}, which is no file; correct the path in node.toml")
        return path
