"""A federation comes to be: nodes' folders, agreements, a whole federation for practice."""

import json
import stat
from collections.abc import Iterator
from concurrent import futures
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from tongban.api.documents.v1.documents_pb2 import (
    KEY_ALGORITHM_ED25519,
    Document,
    Member,
)
from tongban.core.documents import Authorities, believed
from tongban.core.encryption import DecryptionKeys
from tongban.core.sealing import KeyRing
from tongban.core.signing import LocalSigner
from tongban.core.times import moment
from tongban.federation import settings
from tongban.federation.formation import (
    FormationError,
    Plan,
    draft,
    init_authority,
    init_node,
    practice,
    read_document,
    read_plan,
    read_terms,
)

from .forming import CHONGMING, NOW, QIDONG, TERMS, believed_by, new_node


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    init_authority(tmp_path / "authority", "长三角通办")
    return tmp_path / "authority"


class TestANode:
    def test_its_settings_are_readable_and_right(self, tmp_path: Path, authority: Path) -> None:
        plugins = {"identity": {"people": '目录\\"1".csv', "seconds": 2.5}, "desk": {}}
        init_node(tmp_path / "n", new_node(authorities=[authority / "authority.pem"], plugins=plugins), NOW)
        loaded = settings.load(tmp_path / "n")
        assert (loaded.member, loaded.name, loaded.windows.listen) == (CHONGMING, "上海市崇明区", "127.0.0.1:7400")
        assert loaded.plugins.enabled == ["identity", "desk"]
        assert loaded.plugins.table("identity") == plugins["identity"]
        [trusted] = loaded.trust.authorities
        assert (tmp_path / "n" / trusted).read_bytes() == (authority / "authority.pem").read_bytes()

    def test_its_secrets_are_its_owners_alone(self, tmp_path: Path) -> None:
        init_node(tmp_path / "n", new_node(), NOW)
        files = [path for path in (tmp_path / "n").rglob("*") if path.is_file()]
        assert {path.name for path in files} >= {
            "organisation.key",
            "encryption.key",
            "node.key",
            "data.key",
            "node.crt",
            "node.toml",
        }
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        folders = [tmp_path / "n", *(path for path in (tmp_path / "n").rglob("*") if path.is_dir())]
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
        assert len((tmp_path / "n/keys/data.key").read_bytes()) == 32

    def test_its_card_says_what_a_directory_lists(self, tmp_path: Path) -> None:
        card = init_node(tmp_path / "n", new_node(endpoint="tongban.chongming.example:7401"), NOW)
        assert Member.FromString((tmp_path / "n/member.card").read_bytes()) == card
        assert card.keys[0] == LocalSigner.load(tmp_path / "n/keys/organisation.key").public_key
        assert card.encryption_keys == DecryptionKeys.load(tmp_path / "n/keys/encryption.key").public_keys
        assert card.nodes[0].endpoint == "tongban.chongming.example:7401"
        certificate = x509.load_der_x509_certificate(card.nodes[0].certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [
            "node.310151.tongban",
            "localhost",
            "tongban.chongming.example",
        ]
        assert certificate.not_valid_after_utc == NOW + timedelta(days=730)

    def test_its_organisation_key_may_be_ed25519(self, tmp_path: Path) -> None:
        card = init_node(tmp_path / "n", new_node(algorithm=KEY_ALGORITHM_ED25519), NOW)
        assert card.keys[0].algorithm == KEY_ALGORITHM_ED25519

    def test_nothing_is_overwritten(self, tmp_path: Path) -> None:
        init_node(tmp_path / "n", new_node(), NOW)
        before = {path: path.read_bytes() for path in (tmp_path / "n").rglob("*") if path.is_file()}
        with pytest.raises(FormationError, match="keys is there already; choose another folder"):
            init_node(tmp_path / "n", new_node(QIDONG), NOW)
        assert {path: path.read_bytes() for path in (tmp_path / "n").rglob("*") if path.is_file()} == before

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"member": "3101"}, "member: must be six digits"),
            ({"name": ""}, "name: "),
            ({"windows": "7400"}, "windows.listen: "),
            ({"threshold": 0}, "trust.threshold: "),
            ({"peers": "0.0.0.0:7401"}, "endpoint 0.0.0.0:7401: other members must reach the node there"),
            ({"windows": "127.0.0.1:7401"}, "windows and peers cannot both come to 127.0.0.1:7401"),
            ({"endpoint": "somewhere"}, "endpoint somewhere: "),
            ({"authorities": [Path("missing.pem")]}, "cannot be read"),
            ({"authorities": [Path(__file__)]}, "it holds no Ed25519 or P-256 key in PEM form"),
        ],
    )
    def test_what_is_wrong_is_told_before_anything_is_written(
        self, tmp_path: Path, changes: dict[str, object], problem: str
    ) -> None:
        with pytest.raises(FormationError) as raised:
            init_node(tmp_path / "n", new_node(**{"member": CHONGMING, **changes}), NOW)  # type: ignore[arg-type]
        assert problem in str(raised.value)
        assert not (tmp_path / "n").exists()

    def test_a_folder_too_deep_for_a_socket_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FormationError, match="and 107 are possible; choose a folder with a shorter path"):
            init_node(tmp_path / ("n" * 100), new_node(), NOW)

    def test_two_nodes_know_each_other_by_certificates_alone(self, tmp_path: Path) -> None:
        """A self-signed certificate that is no authority is its own trust root, at both ends of mutual TLS."""
        for member in (CHONGMING, QIDONG):
            init_node(tmp_path / member, new_node(member), datetime.now(UTC))
        client, server = tmp_path / CHONGMING, tmp_path / QIDONG
        assert _is_served(client, server, trusted=client)
        assert not _is_served(client, server, trusted=server)


def _is_served(client: Path, server: Path, trusted: Path) -> bool:
    """Ask a gRPC server with one node's keys, as another node, and say whether it answers."""
    node = grpc.server(futures.ThreadPoolExecutor(1))
    echo = grpc.unary_unary_rpc_method_handler(lambda request, context: request, bytes, bytes)
    node.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {"Ask": echo}),))
    credentials = grpc.ssl_server_credentials([_keys(server)], _keys(trusted)[1], require_client_auth=True)
    port = node.add_secure_port("127.0.0.1:0", credentials)
    node.start()
    own = grpc.ssl_channel_credentials(_keys(server)[1], *_keys(client))
    name = (("grpc.ssl_target_name_override", "node.320681.tongban"),)
    with grpc.secure_channel(f"127.0.0.1:{port}", own, name) as channel:
        try:
            return bool(channel.unary_unary("/test.Echo/Ask", bytes, bytes)(b"?", timeout=5) == b"?")
        except grpc.RpcError:
            return False
        finally:
            node.stop(None).wait()


def _keys(home: Path) -> tuple[bytes, bytes]:
    return (home / "keys/node.key").read_bytes(), (home / "keys/node.crt").read_bytes()


BAD_TERMS = """
name = "two words"
parties = ["310151", "320681"]
valid_days = 30
stale_days = 31

[[lookup]]
id = "a"
asking = "3101"
answering = "320681"
method = "VerifyIdentity"
purposes = []

[[case]]
id = "a"
intake = "310151"
handling = "330100"
items = ["1"]
mode = "online"
"""


class TestAnAgreement:
    def _terms(self, folder: Path, text: str) -> Path:
        path = folder / "terms.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def test_terms_become_a_document_that_nobody_has_signed(self, tmp_path: Path) -> None:
        signed = draft(read_terms(self._terms(tmp_path, TERMS)), NOW)
        document = Document.FromString(signed.document)
        assert list(document.agreement.parties) == [CHONGMING, QIDONG]
        assert document.agreement.lookups[0].until == "2027-06-30"
        assert list(document.agreement.cases[0].items) == ["00013112700402"]
        assert (document.version, moment(document.expires_at)) == (1, NOW + timedelta(days=365))
        assert not signed.seals

    def test_every_broken_rule_is_told_at_once(self, tmp_path: Path) -> None:
        with pytest.raises(FormationError) as raised:
            draft(read_terms(self._terms(tmp_path, BAD_TERMS)), NOW)
        assert [problem.partition(": ")[0] for problem in raised.value.problems] == [
            "stale_days",
            "name",
            "lookup[1].asking",
            "lookup[1].method",
            "lookup[1].purposes",
            "lookup[1].id",
            "case[1].id",
            "case[1].id",
        ]
        assert all("; " in problem for problem in raised.value.problems)

    def test_every_error_of_the_form_is_told_at_once(self, tmp_path: Path) -> None:
        text = TERMS.replace("valid_days = 365", 'valid_days = "365"').replace("contact", "contacts")
        text = text.replace('"proxy_intake"', '"by_post"').replace("2027-06-30", '"2027-06-30"')
        with pytest.raises(FormationError) as raised:
            read_terms(self._terms(tmp_path, text))
        assert raised.value.problems == [
            "valid_days: Input should be a valid integer; correct it",
            "lookup[1].until: Input should be a valid date; correct it",
            "case[1].mode: Input should be 'online' or 'proxy_intake'; correct it",
            "contacts: there is no such key; remove it, or correct its name",
        ]

    def test_a_file_that_is_no_toml_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FormationError, match="it is no TOML"):
            read_terms(self._terms(tmp_path, "name ="))
        with pytest.raises(FormationError, match="cannot be read"):
            read_terms(tmp_path / "missing.toml")

    def test_without_rows_it_would_allow_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(FormationError, match=r"add a table \[\[lookup\]\] or \[\[case\]\]"):
            draft(read_terms(self._terms(tmp_path, TERMS.partition("[[")[0])), NOW)


PLAN = """
federation = "通办练习"

[[node]]
member = "310151"
name = "上海市崇明区"
files = ["registers/people.csv"]
[node.plugins.identity]
people = "people.csv"

[[node]]
member = "320681"
name = "江苏省启东市"
windows = "127.0.0.1:7400"

[[agreement]]
""" + TERMS.strip().replace("[[", "[[agreement.")


class TestPractice:
    @pytest.fixture
    def plan(self, tmp_path: Path) -> Plan:
        (tmp_path / "registers").mkdir()
        (tmp_path / "registers/people.csv").write_text("name,resident_id\n", encoding="utf-8")
        (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
        return read_plan(tmp_path / "plan.toml")

    def test_everything_is_there_and_believable(self, tmp_path: Path, plan: Plan) -> None:
        laid_out = practice(plan, tmp_path / "p", tmp_path, NOW)
        directory = read_document(Path(laid_out.directory), "directory")
        content = believed_by(1, directory, Path(laid_out.authority)).document.directory
        keys = KeyRing({(member.id, key.key_id): key for member in content.members for key in member.keys})
        [agreement] = laid_out.agreements
        document = believed(read_document(Path(agreement), "agreement"), Authorities((), 1), keys).document
        assert list(document.agreement.parties) == [CHONGMING, QIDONG]
        assert {node.member: node.peers for node in laid_out.nodes} == {
            member.id: member.nodes[0].endpoint for member in content.members
        }

    def test_its_nodes_have_settings_and_files(self, tmp_path: Path, plan: Plan) -> None:
        [chongming, qidong] = practice(plan, tmp_path / "p", tmp_path, NOW).nodes
        loaded = settings.load(Path(chongming.home))
        assert (loaded.windows.listen, loaded.peers.listen) == (chongming.windows, chongming.peers)
        assert (Path(chongming.home) / str(loaded.plugins.table("identity")["people"])).is_file()
        assert qidong.windows == "127.0.0.1:7400"
        assert len({chongming.windows, chongming.peers, qidong.peers}) == 3

    def test_a_file_says_where_everything_is(self, tmp_path: Path, plan: Plan) -> None:
        practice(plan, tmp_path / "p", tmp_path, NOW)
        said = json.loads((tmp_path / "p/practice.json").read_text(encoding="utf-8"))
        assert all(Path(path).is_file() for path in _files(said))
        assert [node["name"] for node in said["nodes"]] == ["上海市崇明区", "江苏省启东市"]

    def test_what_is_wrong_is_told_and_nothing_is_left_behind(self, tmp_path: Path, plan: Plan) -> None:
        wrong = plan.model_copy(update={"node": [plan.node[0], plan.node[0]]})
        with pytest.raises(FormationError) as raised:
            practice(wrong, tmp_path / "p", tmp_path / "nowhere", NOW)
        assert [problem.partition(":")[0] for problem in raised.value.problems] == [
            "node",
            "agreement registration",
            "node 310151",
            "node 310151",
        ]
        bad_name = plan.model_copy(update={"node": [plan.node[0], plan.node[1].model_copy(update={"name": ""})]})
        with pytest.raises(FormationError, match="name: "):
            practice(bad_name, tmp_path / "p", tmp_path, NOW)
        assert not (tmp_path / "p").exists()

    def test_a_folder_that_holds_something_is_left_alone(self, tmp_path: Path, plan: Plan) -> None:
        with pytest.raises(FormationError, match="is not empty; name a new folder"):
            practice(plan, tmp_path, tmp_path, NOW)
        assert (tmp_path / "plan.toml").exists()


def _files(said: dict[str, object]) -> Iterator[str]:
    nodes, agreements = said["nodes"], said["agreements"]
    assert isinstance(nodes, list)
    assert isinstance(agreements, list)
    yield str(said["directory"])
    yield from agreements
    yield from (node["certificate"] for node in nodes)
