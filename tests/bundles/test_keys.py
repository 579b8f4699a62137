"""Keys: made once, never overwritten, known by their digest."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

from hrnet_zoo.bundles.keys import generate, key_id, public_key_in, signer_of
from hrnet_zoo.errors import BundleError, PrerequisiteError


@pytest.fixture
def key(tmp_path: Path) -> Path:
    generate(tmp_path / "key")
    return tmp_path / "key"


def test_only_its_owner_reads_the_private_half(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        generate(tmp_path / "key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_both_halves_belong_together(key: Path) -> None:
    public = public_key_in(key.with_name("key.pub"))
    signer = signer_of(key)
    assert signer.public_key.keyval["public"] == public
    assert signer.public_key.keyid == key_id(public)


def test_the_id_is_the_digest_of_the_public_half_as_openssl_writes_it(tmp_path: Path) -> None:
    identity = generate(tmp_path / "key")
    public = serialization.load_pem_public_key((tmp_path / "key.pub").read_bytes())
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert identity == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_no_key_is_ever_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(BundleError, match=f"{there} is there already"):
        generate(tmp_path / "key")
    assert (tmp_path / there).read_text() == "mine"
    (only,) = tmp_path.glob("key*")
    assert only.name == there


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="is there already"):
        generate(tmp_path / "key")
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_such_key_is_refused(key: Path, tmp_path: Path) -> None:
    public = key.with_name("key.pub")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    other = Ed448PrivateKey.generate()
    (tmp_path / "other").write_bytes(other.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    ours = serialization.load_pem_private_key(key.read_bytes(), None)
    (tmp_path / "locked").write_bytes(
        ours.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"word"))
    )
    for wrong in (public, tmp_path / "other", tmp_path / "locked"):
        with pytest.raises(BundleError, match="is not a private ed25519 key without a password"):
            signer_of(wrong)
    with pytest.raises(BundleError, match="is not a public ed25519 key"):
        public_key_in(key)
    for missing in (tmp_path / "nothing", Path("/dev/zero")):
        with pytest.raises(BundleError, match=str(missing)):
            public_key_in(missing)


def test_without_the_libraries_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    with pytest.raises(PrerequisiteError, match=r'pip install "hrnet-zoo\[sign\]"'):
        generate(tmp_path / "key")
    assert not (tmp_path / "key").exists()
