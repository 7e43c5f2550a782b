"""How peers are reached is read from node.toml; each mistake is told by key and remedy."""

from pathlib import Path

import pytest

from tongban.federation import settings
from tongban.federation.carriers.settings import FolderCarrier, GrpcCarrier, HttpCarrier, RelayCarrier
from tongban.federation.settings import SettingsError

_NODE = """\
member = "310151"
name = "上海崇明"
[windows]
listen = "127.0.0.1:7400"
[peers]
listen = "127.0.0.1:7401"
"""

_FOLDER = '[carriers."320681"]\nkind = "folder"\noutgoing = "out"\nincoming = "in"\n'
_HTTP = '[carriers."320681"]\nkind = "http"\nurl = "https://gateway.example/qidong"\n'
_RELAY = '[carriers."310000"]\nkind = "relay"\nthrough = "320000"\n'


def load(folder: Path, text: str) -> settings.Settings:
    (folder / settings.FILE).write_text(_NODE + text, encoding="utf-8")
    return settings.load(folder)


def test_a_peer_without_a_table_is_reached_by_grpc(tmp_path: Path) -> None:
    assert load(tmp_path, "").carriers == {}


def test_each_kind_has_its_keys(tmp_path: Path) -> None:
    text = f'{_FOLDER}answer_seconds = 60\n[carriers."330100.gjj"]\n{_HTTP.partition(chr(10))[2]}[carriers."340100"]\n'
    text += _RELAY
    carriers = load(tmp_path, text).carriers
    assert carriers == {
        "320681": FolderCarrier(kind="folder", outgoing="out", incoming="in", answer_seconds=60),
        "330100.gjj": HttpCarrier(kind="http", url="https://gateway.example/qidong"),
        "340100": GrpcCarrier(),
        "310000": RelayCarrier(kind="relay", through="320000"),
    }


_NO_KIND = "carriers.320681: must be a table whose kind is grpc, http, folder or relay"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[carriers."320681"]\nkind = "pigeon"\n',
            "carriers.320681: must be a table whose kind is grpc, http, folder or relay",
        ),
        ("[carriers]\n320681 = 7\n", _NO_KIND),
        ('[carriers."320681"]\nkind = "http"\n', "carriers.320681.url: the key is missing; add it"),
        (f"{_HTTP}uri = 'x'\n", "carriers.320681.uri: there is no such key"),
        (_HTTP.replace("https", "ftp"), "carriers.320681.url: "),
        (_HTTP.replace("//", "//zhang:geheim@"), "carriers.320681.url: "),
        (f"{_HTTP}key = 'k.pem'\n", "carriers.320681: certificate and key go together"),
        (f"{_FOLDER}valid_days = 31\n", "carriers.320681.valid_days: "),
        (f"{_FOLDER}valid_days = 0.5\nanswer_seconds = 43201\n", "carriers.320681: answer_seconds is longer"),
        (_FOLDER.replace('"in"', '"./out"'), "carriers: out is named twice"),
        (_FOLDER + _FOLDER.replace("320681", "340100"), "carriers: out is named twice"),
        (_FOLDER.replace("320681", "沪"), "carriers: 沪: "),
        (_RELAY.replace("320000", "沪"), "carriers: 310000: through must be"),
        (_RELAY.replace("320000", "310000"), "carriers: 310000: through 310000 leads nowhere"),
        (_RELAY + _RELAY.replace("320000", "3").replace("310000", "320000").replace('"3"', '"310000"'), "carriers: "),
        (f"{_RELAY}encrypt = false\n", "carriers.310000.encrypt: there is no such key"),
        ('[relay]\nfor = ["沪"]\n', "relay.for: 沪: must be"),
        (_FOLDER.replace("320681", "310151"), "carriers: 310151 is the node's own member"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    (told,) = caught.value.problems
    assert told.startswith(problem)
