"""A node's next TLS key and certificate: announced beside the present ones, then shown in their place.

Between the two steps a directory with the new card has to reach all members; nobody's call fails then.
"""

from datetime import datetime
from pathlib import Path

from cryptography import x509

from tongban.api.documents.v1.documents_pb2 import Member, Node
from tongban.core.signing import private_pem
from tongban.federation import settings
from tongban.federation.formation import keys
from tongban.federation.formation.card import read_card, write_card
from tongban.federation.formation.errors import FormationError, read_file

_NEXT = ".next"


def announce(home: Path, now: datetime) -> Member:
    """Make the next key and certificate, and return the node's card, which lists both certificates.

    Raises:
        FormationError: one is announced already, or the folder is no node's.
        SettingsError: the node's settings are wrong.
    """
    key, certificate = _files(home)
    card = read_card(home)
    if _next(certificate).exists():
        problem = f"{_next(certificate)} is announced already; show it with `tongban node switch`"
        raise FormationError("no other certificate can be announced", [problem])
    present = _certificate(certificate)
    tls = keys.tls_key()
    new = keys.node_certificate(card.id, tls, _hosts(present), now)
    keys.write_private(_next(key), private_pem(tls))
    keys.write_private(_next(certificate), keys.certificate_pem(new))
    listed = [node.endpoint for node in card.nodes if node.certificate == keys.certificate_der(present)]
    card.nodes.extend(Node(endpoint=endpoint, certificate=keys.certificate_der(new)) for endpoint in listed)
    return write_card(home, card)


def switch(home: Path) -> Member:
    """Have the node show what was announced, and return its card, which lists the old certificate no more.

    A node that runs sees it within seconds. It is safe to repeat if it was interrupted.

    Raises:
        FormationError: nothing is announced, or the folder is no node's.
        SettingsError: the node's settings are wrong.
    """
    key, certificate = _files(home)
    card = read_card(home)
    if not _next(certificate).exists():
        raise FormationError("there is nothing to show", ["announce a certificate first: `tongban node announce`"])
    old = keys.certificate_der(_certificate(certificate))
    if _next(key).exists():
        _next(key).replace(key)
    _next(certificate).replace(certificate)
    left = [node for node in card.nodes if node.certificate != old]
    del card.nodes[:]
    card.nodes.extend(left)
    return write_card(home, card)


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
