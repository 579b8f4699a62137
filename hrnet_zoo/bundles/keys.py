"""Keys that sign bundles: ed25519, in the files that OpenSSL reads and writes.

The libraries that sign are an extra, and imported when they are needed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.errors import BundleError, PrerequisiteError, explain_os_error
from hrnet_zoo.system.opening import read_regular

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

_LARGEST = 10_000
"""Bytes of a key's file: one has about a hundred."""

_DER_HEAD = bytes.fromhex("302a300506032b6570032100")
"""What precedes the 32 bytes of an ed25519 key in a SubjectPublicKeyInfo (RFC 8410)."""


def key_id(public: str) -> str:
    """Return the SHA-256 of a public key, as of its file in DER, 64 hex digits.

    Args:
        public: 32 bytes, in hex.
    """
    return hashlib.sha256(_DER_HEAD + bytes.fromhex(public)).hexdigest()


def public_file(private: Path) -> Path:
    """Return where the public half of a key is written."""
    return Path(f"{private}.pub")


def generate(private: Path) -> str:
    """Write a new key, readable by its owner alone, and its public half; return its id.

    Raises:
        BundleError: one of the files is there already, or cannot be written.
        PrerequisiteError: the libraries that sign are missing.
    """
    require_signing()
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, pem = Ed25519PrivateKey.generate(), form.Encoding.PEM
    public = key.public_key()
    secret = key.private_bytes(pem, form.PrivateFormat.PKCS8, form.NoEncryption())
    shown = public.public_bytes(pem, form.PublicFormat.SubjectPublicKeyInfo)
    # The public half first: where it cannot be written, there is no secret without it.
    _write_new(public_file(private), shown, 0o644)
    try:
        _write_new(private, secret, 0o600)
    except BundleError:
        public_file(private).unlink()
        raise
    return key_id(public.public_bytes_raw().hex())


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except FileExistsError:
        msg = f"{path} is there already, and no key is ever overwritten. Name another file."
        raise BundleError(msg) from None
    except OSError as error:
        raise BundleError(explain_os_error(error)) from None


def signer_of(private: Path) -> CryptoSigner:
    """Return what signs with the private key in a file.

    Raises:
        BundleError: it cannot be read, or is no such key.
        PrerequisiteError: the libraries that sign are missing.
    """
    require_signing()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    key = _loaded(private, lambda content: load_pem_private_key(content, None))
    if not isinstance(key, Ed25519PrivateKey):
        msg = (
            f"{private} is not a private ed25519 key without a password, as "
            '"hrnet-zoo bundle keygen" makes one.'
        )
        raise BundleError(msg)
    return CryptoSigner(key, verifying_key(key.public_key().public_bytes_raw().hex()))


def public_key_in(path: Path) -> str:
    """Return the public key in a file: 32 bytes, in hex.

    Raises:
        BundleError: it cannot be read, or is no such key.
        PrerequisiteError: the libraries that sign are missing.
    """
    require_signing()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = _loaded(path, load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        msg = f'{path} is not a public ed25519 key, as "hrnet-zoo bundle keygen" writes to .pub.'
        raise BundleError(msg)
    return key.public_bytes_raw().hex()


def _loaded(path: Path, load: Callable[[bytes], object]) -> object:
    """Return the key of any kind in a file; None if there is none without a password."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load(read_regular(path, _LARGEST))
    except OSError as error:
        raise BundleError(explain_os_error(error)) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it wants a password
        return None


def verifying_key(public: str) -> SSlibKey:
    """Return a public key as the library has it, under our id for it.

    Args:
        public: 32 bytes, in hex.
    """
    from securesystemslib.signer import SSlibKey

    return SSlibKey(key_id(public), "ed25519", "ed25519", {"public": public})


def require_signing() -> None:
    """Raise PrerequisiteError if the libraries that sign are missing."""
    try:
        import cryptography  # noqa: F401
        import securesystemslib  # noqa: F401
    except ImportError:
        msg = (
            "Signatures need securesystemslib and cryptography, which are not installed: "
            'pip install "hrnet-zoo[sign]".'
        )
        raise PrerequisiteError(msg) from None
