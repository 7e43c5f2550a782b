"""Rules of a directory beyond those of its fields: nobody stands in another's place, and each node can be known."""

from collections.abc import Iterable

from cryptography import x509

from tongban.api.documents.v1.documents_pb2 import Directory, Member
from tongban.core.encryption import is_encryption_key

_UNREADABLE = (ValueError, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)


def check_directory(directory: Directory) -> str | None:
    """Tell the first rule that a directory breaks, or None.

    Each member, key and certificate is listed once, each encryption key is one, and each certificate bears a name
    by which TLS can check it.
    """
    members = directory.members
    keys = ((key.key_id, member.id) for member in members for key in (*member.keys, *member.encryption_keys))
    certificates = ((node.certificate, member.id) for member in members for node in member.nodes)
    return (
        _listed_twice(member.id for member in members)
        or _shared("key", keys)
        or _shared("certificate", certificates)
        or _no_encryption_key(members)
        or _nameless(directory)
    )


def certificate_name(der: bytes) -> str:
    """Return the first DNS name of a node's certificate (DER; RFC 5280, 4.2.1.6).

    Raises:
        ValueError: the bytes are no certificate, or it has no DNS name.
    """
    try:
        extensions = x509.load_der_x509_certificate(der).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise ValueError("has no DNS name") from None
    except _UNREADABLE as error:
        raise ValueError("cannot be read") from error
    name = next(iter(names.get_values_for_type(x509.DNSName)), "")
    if not name:
        raise ValueError("has no DNS name")
    return name


def _listed_twice(members: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for member in members:
        if member in seen:
            return f"{member} is listed twice; a member is listed once, with all its nodes"
        seen.add(member)
    return None


def _shared(what: str, listed: Iterable[tuple[str | bytes, str]]) -> str | None:
    owners: dict[str | bytes, str] = {}
    for thing, member in listed:
        owner = owners.setdefault(thing, member)
        if owner != member:
            return f"{owner} and {member} are listed with the same {what}; each must have its own"
    return None


def _no_encryption_key(members: Iterable[Member]) -> str | None:
    for member in members:
        for key in member.encryption_keys:
            if not is_encryption_key(key):
                return f"the encryption key {key.key_id} of {member.id} is no X25519 key, or not what its id says"
    return None


def _nameless(directory: Directory) -> str | None:
    for member in directory.members:
        for node in member.nodes:
            try:
                certificate_name(node.certificate)
            except ValueError as error:
                return f"the certificate of the node {node.endpoint} of {member.id} {error}"
    return None
