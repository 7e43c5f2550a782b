"""A node's next TLS key and certificate: announced beside the present ones, then shown in their place.

Between the two steps a directory with the new card has to reach all members; nobody's call fails then.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509

from tongban.api.documents.v1.documents_pb2 import Member, Node
from tongban.core.signing import private_pem
from tongban.federation import settings
from tongban.federation.formation import keys
from tongban.federation.formation.card import read_card, write_card
from tongban.federation.formation.errors import FormationError, read_file
from tongban.federation.formation.node import CARD

_NEXT = ".next"


def announce(home: Path, now: datetime) -> Member:
    """Make the next key and certificate, and return the node's card, which lists both certificates.

    It is safe to repeat if it was interrupted.

    Raises:
        FormationError: one is announced already, or the folder is no node's.
        SettingsError: the node's settings are wrong.
    """
    key, certificate = _files(home)
    card = read_card(home)
    present = _certificate(certificate)
    if not _next(certificate).exists():
        _make(_next(key), _next(certificate), card.id, present, now)
    new = _certificate(_next(certificate))
    if _lists(card, new):
        problem = f"{_next(certificate)} is announced already; show it with `tongban node switch`"
        raise FormationError("no other certificate can be announced", [problem])
    listed = [node.endpoint for node in card.nodes if node.certificate == keys.certificate_der(present)]
    card.nodes.extend(Node(endpoint=endpoint, certificate=keys.certificate_der(new)) for endpoint in listed)
    return write_card(home, card)


def check_listed(home: Path, members: Iterable[Member]) -> None:
    """Refuse to show what was announced while a directory with these members does not list it: peers would refuse it.

    Raises:
        FormationError: it does not, nothing is announced, or the folder is no node's.
        SettingsError: the node's settings are wrong.
    """
    card, new = read_card(home), _announced(home)
    if not any(member.id == card.id and _lists(member, new) for member in members):
        problem = "the directory that the node holds does not list it, so every peer would refuse the node"
        remedy = f"`tongban directory add {home / CARD}`, publish, and import at every node"
        raise FormationError("what was announced cannot be shown yet", [f"{problem}; {remedy}"])


def switch(home: Path) -> Member:
    """Have the node show what was announced, and return its card, which lists the old certificate no more.

    A node that runs sees it within seconds. It is safe to repeat if it was interrupted.

    Raises:
        FormationError: nothing is announced, or the folder is no node's.
        SettingsError: the node's settings are wrong.
    """
    key, certificate = _files(home)
    card = read_card(home)
    _announced(home)
    old = keys.certificate_der(_certificate(certificate))
    left = [node for node in card.nodes if node.certificate != old]
    del card.nodes[:]
    card.nodes.extend(left)
    write_card(home, card)  # First: once the files are in place, nothing here tells any more what the old one was.
    if _next(key).exists():
        keys.put_in_place(_next(key), key)
    keys.put_in_place(_next(certificate), certificate)
    return card


def _announced(home: Path) -> x509.Certificate:
    """Return the certificate that is announced.

    Raises:
        FormationError: none is.
    """
    _, certificate = _files(home)
    if not _next(certificate).exists() or not _lists(read_card(home), _certificate(_next(certificate))):
        raise FormationError("there is nothing to show", ["announce a certificate first: `tongban node announce`"])
    return _certificate(_next(certificate))


def _make(key: Path, certificate: Path, member: str, present: x509.Certificate, now: datetime) -> None:
    """Write key and certificate; a certificate is never there without its key."""
    tls = keys.tls_key()
    keys.replace_private(key, private_pem(tls))
    keys.replace_private(certificate, keys.certificate_pem(keys.node_certificate(member, tls, _hosts(present), now)))


def _lists(card: Member, certificate: x509.Certificate) -> bool:
    return keys.certificate_der(certificate) in [node.certificate for node in card.nodes]


def _files(home: Path) -> tuple[Path, Path]:
    chosen = settings.load(home)
    return home / chosen.keys.node, home / chosen.keys.certificate


def _next(path: Path) -> Path:
    return path.with_name(path.name + _NEXT)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_file(path, "node's certificate"))
    except ValueError:
        raise FormationError(f"{path} cannot be used", ["it holds no certificate in PEM form"]) from None


def _hosts(certificate: x509.Certificate) -> set[str]:
    """Return the hosts that a certificate names: the next one is for the same."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
