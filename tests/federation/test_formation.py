"""A federation comes to be: nodes' folders, the directory's authority, agreements, a whole federation for practice."""

import json
import stat
from collections.abc import Iterator
from concurrent import futures
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tongban.api.documents.v1.documents_pb2 import (
    KEY_ALGORITHM_ED25519,
    KEY_ALGORITHM_P256,
    Document,
    Member,
    PublicKey,
    SignedDocument,
)
from tongban.core.documents import Authorities, Believed, believed
from tongban.core.encryption import DecryptionKeys
from tongban.core.errors import Refusal
from tongban.core.sealing import KeyRing
from tongban.core.signing import LocalSigner, key_id_of
from tongban.core.times import moment
from tongban.federation import settings
from tongban.federation.formation import (
    Age,
    FormationError,
    NewNode,
    Plan,
    add_member,
    draft,
    init_authority,
    init_node,
    members,
    practice,
    publish,
    read_document,
    read_plan,
    read_terms,
    remove_member,
    sign,
)

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
CHONGMING, QIDONG = "310151", "320681"


def new_node(member: str = CHONGMING, **changes: object) -> NewNode:
    """Return a node to be made."""
    plain = {"name": "上海市崇明区", "windows": "127.0.0.1:7400", "peers": "127.0.0.1:7401"}
    return NewNode(member, **{**plain, **changes})  # type: ignore[arg-type]


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    init_authority(tmp_path / "authority", "长三角通办")
    return tmp_path / "authority"


def public_key(pem: Path) -> PublicKey:
    """Return an authority's public key as nodes trust it."""
    key = serialization.load_pem_public_key(pem.read_bytes())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key_id=key_id_of(der), algorithm=KEY_ALGORITHM_P256, public_key=der)


def believed_by(threshold: int, signed: SignedDocument, *authorities: Path) -> Believed:
    """Return the directory as a node believes it that trusts these authorities."""
    trusted = Authorities(tuple(public_key(folder / "authority.pem") for folder in authorities), threshold)
    return believed(signed, trusted, KeyRing({}))


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


class TestAnAuthority:
    def test_it_publishes_who_is_in(self, tmp_path: Path, authority: Path) -> None:
        card = init_node(tmp_path / "n", new_node(), NOW)
        assert add_member(authority, tmp_path / "n/member.card") == card
        signed = read_document(publish(authority, Age(30, 20), NOW), "directory")
        document = believed_by(1, signed, authority).document
        assert document.directory.federation == "长三角通办"
        assert list(document.directory.members) == [card]
        assert (moment(document.stale_at), moment(document.expires_at)) == (
            NOW + timedelta(days=20),
            NOW + timedelta(days=30),
        )

    def test_each_directory_is_newer_than_the_last(self, authority: Path) -> None:
        versions = [
            Document.FromString(read_document(publish(authority, Age(), NOW), "directory").document).version
            for _ in range(3)
        ]
        assert versions == [1, 2, 3]

    def test_a_new_card_replaces_the_older_one(self, tmp_path: Path, authority: Path) -> None:
        for home in ("old", "new"):
            init_node(tmp_path / home, new_node(), NOW)
            add_member(authority, tmp_path / home / "member.card")
        assert members(authority) == [Member.FromString((tmp_path / "new/member.card").read_bytes())]

    def test_a_card_with_what_is_another_members_is_refused(self, tmp_path: Path, authority: Path) -> None:
        """Else a member could have itself listed with another's certificate, and so cut it off."""
        one = init_node(tmp_path / "one", new_node(), NOW)
        other = init_node(tmp_path / "other", new_node(QIDONG), NOW)
        add_member(authority, tmp_path / "one/member.card")
        card = tmp_path / "other/member.card"
        for stolen in (Member(keys=one.keys), Member(nodes=one.nodes)):
            changed = Member.FromString(other.SerializeToString())
            changed.MergeFrom(stolen)
            card.write_bytes(changed.SerializeToString())
            with pytest.raises(FormationError, match=f"{CHONGMING} and {QIDONG} are listed with the same"):
                add_member(authority, card)
        assert members(authority) == [one]

    def test_a_directory_with_what_two_members_share_is_not_published(self, tmp_path: Path, authority: Path) -> None:
        card = init_node(tmp_path / "n", new_node(), NOW)
        add_member(authority, tmp_path / "n/member.card")
        card.id = QIDONG
        (authority / "members" / f"{QIDONG}.card").write_bytes(card.SerializeToString())
        with pytest.raises(FormationError, match="are listed with the same key"):
            publish(authority, Age(), NOW)
        assert not (authority / "directory.signed").exists()

    def test_a_card_whose_certificate_has_no_name_is_refused(self, tmp_path: Path, authority: Path) -> None:
        card = init_node(tmp_path / "n", new_node(), NOW)
        card.nodes[0].certificate = b"no certificate"
        (tmp_path / "n/member.card").write_bytes(card.SerializeToString())
        with pytest.raises(FormationError, match=f"of {CHONGMING} cannot be read; have the member send"):
            add_member(authority, tmp_path / "n/member.card")

    def test_who_is_removed_is_not_in_the_next_directory(self, tmp_path: Path, authority: Path) -> None:
        for member in (CHONGMING, QIDONG):
            init_node(tmp_path / member, new_node(member), NOW)
            add_member(authority, tmp_path / member / "member.card")
        remove_member(authority, CHONGMING)
        assert [member.id for member in members(authority)] == [QIDONG]
        with pytest.raises(FormationError, match=f"it is no member; the members are {QIDONG}"):
            remove_member(authority, CHONGMING)
        with pytest.raises(FormationError, match="it is no member"):
            remove_member(authority, "../members/320681")

    def test_several_authorities_sign_one_directory(self, tmp_path: Path, authority: Path) -> None:
        other = tmp_path / "other"
        init_authority(other, "长三角通办")
        file = publish(authority, Age(), NOW)
        with pytest.raises(Refusal, match="1 of the trusted authorities signed it, and 2 must"):
            believed_by(2, read_document(file, "directory"), authority, other)
        sign(other, file)
        sign(other, file)
        signed = read_document(file, "directory")
        assert len(signed.seals) == 2
        assert believed_by(2, signed, authority, other).document.version == 1

    def test_it_is_not_made_twice(self, authority: Path) -> None:
        key = (authority / "authority.key").read_bytes()
        with pytest.raises(FormationError, match="a key is never overwritten"):
            init_authority(authority, "长三角通办")
        assert (authority / "authority.key").read_bytes() == key
        assert stat.S_IMODE((authority / "authority.key").stat().st_mode) == 0o600

    @pytest.mark.parametrize("age", [Age(30, 31), Age(30, 0), Age(0, 0)])
    def test_a_directory_grows_stale_before_it_expires(self, authority: Path, age: Age) -> None:
        with pytest.raises(FormationError, match="stale_days must be at least 1 and at most valid_days"):
            publish(authority, age, NOW)
        assert not (authority / "directory.signed").exists()

    def test_a_folder_of_nobody_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FormationError, match="make one with `tongban directory init`"):
            publish(tmp_path, Age(), NOW)

    def test_a_damaged_key_is_named(self, authority: Path) -> None:
        (authority / "authority.key").write_bytes(b"no key")
        with pytest.raises(FormationError, match=r"authority\.key holds no .* restore the file from a backup"):
            publish(authority, Age(), NOW)

    def test_a_card_that_was_altered_is_refused(self, tmp_path: Path, authority: Path) -> None:
        init_node(tmp_path / "n", new_node(), NOW)
        card = tmp_path / "n/member.card"
        whole = Member.FromString(card.read_bytes())
        whole.keys[0].key_id = "0" * 32
        card.write_bytes(whole.SerializeToString())
        with pytest.raises(FormationError, match="is not what its id says; have the member send"):
            add_member(authority, card)
        card.write_bytes(b"no card")
        with pytest.raises(FormationError, match="is no member's card"):
            add_member(authority, card)

    def test_an_authority_signs_directories_only(self, tmp_path: Path, authority: Path) -> None:
        terms = tmp_path / "terms.toml"
        terms.write_text(TERMS, encoding="utf-8")
        (tmp_path / "agreement").write_bytes(draft(read_terms(terms), NOW).SerializeToString())
        with pytest.raises(FormationError, match="an authority signs directories"):
            sign(authority, tmp_path / "agreement")


TERMS = """
name = "registration"
parties = ["320681", "310151"]
contact = "启东市行政审批局 0513-00000000"
valid_days = 365

[[lookup]]
id = "identity"
asking = "320681"
answering = "310151"
method = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"
purposes = ["公司变更登记"]
consent_required = true
until = 2027-06-30

[[case]]
id = "registration"
intake = "310151"
handling = "320681"
items = ["00013112700402"]
mode = "proxy_intake"
"""

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
