# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage is proven, unpacked whole, and recognised: with the real gpg and tar."""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo, _openpgp, _stage, _unpack
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.unit.plugins import stages


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[stages.Signer]:
    with stages.signer(tmp_path_factory.mktemp("key")) as new:
        yield new


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[stages.Signer]:
    with stages.signer(tmp_path_factory.mktemp("stranger")) as new:
        yield new


@pytest.fixture
def tarball(tmp_path: Path, signer: stages.Signer) -> Path:
    return stages.offer(tmp_path / "offer", signer)


def offered(tarball: Path | str, by: stages.Signer) -> _stage.Offer:
    return _stage.Offer(str(tarball), str(by.public), by.fingerprint)


def install(root: Path, offer: _stage.Offer) -> _stage.Stage:
    expected = _stage.promised(stages.run, offer)
    return _stage.install(stages.run, str(root), offer, expected, cache=str(root.parent / "cache"))


def test_good(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    root = tmp_path / "roots/a b\nc"
    assert _stage.standing(str(root)) is None
    stage = install(root, offered(tarball, signer))
    assert _stage.standing(str(root)) == stage
    assert (root / "etc/hello").stat().st_mode & 0o7777 == 0o4755
    assert (root / "etc/hello").samefile(root / "hard")
    assert (root / "etc/new\nline").exists()
    assert os.readlink(root / "etc/mtab") == "/proc/self/mounts"
    assert not Path(_unpack.partial(str(root))).exists()
    assert _stage.news(stage, offered(tarball, signer)) == ""


@pytest.mark.parametrize("suffix", ["xz", "zst", "bz2", "gz"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    made = stages.pack(tmp_path / f"stage3.tar.{suffix}")
    assert install(tmp_path / "root", _stage.Offer(str(made))).file == f"stage3.tar.{suffix}"
    assert (tmp_path / "root/etc/hello").read_text() == "hello\n"


def test_into_an_empty_folder(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    (tmp_path / "root").mkdir()
    install(tmp_path / "root", offered(tarball, signer))
    assert (tmp_path / "root/etc/hello").exists()


# --- refused


def refused(tmp_path: Path, offer: _stage.Offer, message: str) -> None:
    """See that the offer is refused with this message, and that nothing is left."""
    with pytest.raises(BinhostError, match=f"^{message}$"):
        install(tmp_path / "root", offer)
    assert not (tmp_path / "root").exists()
    assert not (tmp_path / "root.partial").exists()


def test_tampered(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    with tarball.open("ab") as file:
        file.write(b"\0")
    told = f"{tarball}: expected the tarball that was signed, with BLAKE2B [0-9a-f]{{128}}, found .*: "
    refused(tmp_path, offered(tarball, signer), told + "it was damaged or changed")


def test_wrong_key(tmp_path: Path, tarball: Path, signer: stages.Signer, stranger: stages.Signer) -> None:
    stranger.sign(tarball)
    told = f"{_path()}: expected a text signed by {signer.fingerprint}, found a signature by another key, "
    refused(tmp_path, offered(tarball, signer), told + stranger.fingerprint)
    # The stranger's key at hand, but another fingerprint asked for.
    offer = _stage.Offer(str(tarball), str(stranger.public), signer.fingerprint)
    refused(
        tmp_path,
        offer,
        f"{_path()}: expected a text signed by {signer.fingerprint}, found a signature by {stranger.fingerprint}",
    )


def _path() -> str:
    return r"\S*stage3-1\.tar\.xz\.DIGESTS"


def test_no_signature(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    digests = tarball.with_name(tarball.name + ".DIGESTS")
    text = digests.read_text()
    digests.write_text("".join(line for line in text.splitlines(keepends=True)[3:] if not line.startswith("-----")))
    refused(
        tmp_path,
        offered(tarball, signer),
        f"{_path()}: expected a text signed by {signer.fingerprint}, found no signature",
    )
    digests.unlink()
    refused(tmp_path, offered(tarball, signer), f"{digests}: expected the tarball's signed digests, found nothing")


def test_changed_digests(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    digests = tarball.with_name(tarball.name + ".DIGESTS")
    digests.write_text(digests.read_text().replace("stage3-1", "stage3-2"))
    told = "found a signature that doesn't fit the text: it was changed after it was signed"
    refused(tmp_path, offered(tarball, signer), f"{_path()}: expected a text signed by {signer.fingerprint}, {told}")


def test_only_signed_text_counts(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    """Digests of a changed tarball, put around the signed block, are not believed."""
    digests = tarball.with_name(tarball.name + ".DIGESTS")
    signed = digests.read_text()
    tarball.write_bytes(tarball.read_bytes() + b"\0")
    forged = re.sub(
        r"-----.*?-----\n(Hash: .*\n)?\n?|-----BEGIN PGP SIGNATURE(.|\n)*", "", signer.sign(tarball).read_text()
    )
    for text in (forged + signed, signed + forged):
        digests.write_text(text)
        with pytest.raises(BinhostError):
            install(tmp_path / "root", offered(tarball, signer))
    assert not (tmp_path / "root").exists()


def test_other_stages_digests(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    other = tarball.with_name("stage3-2.tar.xz")
    tarball.rename(other)
    tarball.with_name("stage3-1.tar.xz.DIGESTS").rename(tarball.with_name("stage3-2.tar.xz.DIGESTS"))
    refused(tmp_path, offered(other, signer), r"\S*: expected SHA512 and BLAKE2B of stage3-2\.tar\.xz, found neither")


def test_bad_key(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    missing = tmp_path / "none.asc"
    offer = _stage.Offer(str(tarball), str(missing), signer.fingerprint)
    refused(tmp_path, offer, f"{missing}: expected the file of an OpenPGP public key, found nothing")
    missing.write_text("no key\n")
    refused(tmp_path, offer, f"{missing}: expected an OpenPGP public key, found: (.|\n)*")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("13EB BDBE DE7A 1277 5DFD  B1BA BB57 2E0E 2D18 2910", "13EBBDBEDE7A12775DFDB1BABB572E0E2D182910"),
        ("0x" + "ab" * 20, "AB" * 20),
    ],
)
def test_fingerprint(text: str, plain: str) -> None:
    assert _openpgp.fingerprint(text) == plain


@pytest.mark.parametrize("text", ["", "2D182910", "BB572E0E2D182910", "G" * 40])
def test_short_fingerprint(text: str) -> None:
    with pytest.raises(
        BinhostError, match="^fingerprint: expected the 40 hexadecimal digits of a whole OpenPGP fingerprint"
    ):
        _openpgp.fingerprint(text)


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("VALIDSIG SUB 2026-01-01 0 0 4 0 22 10 01 PRIMARY", ""),
        ("VALIDSIG PRIMARY 2026-01-01 0 0 4 0 22 10 01 OTHER", "a signature by OTHER"),
        (
            "EXPKEYSIG X\n[GNUPG:] VALIDSIG X 0 PRIMARY",
            "a signature by a key that has expired; get a newer copy of the key",
        ),
        ("REVKEYSIG X\n[GNUPG:] VALIDSIG X 0 PRIMARY", "a signature by a key that was revoked"),
        ("PLAINTEXT 74 0\n[GNUPG:] VALIDSIG X 0 PRIMARY", "2 texts in one file"),
        ("ERRSIG 0123456789ABCDEF 1 10 01 0 9", "a signature by another key, 0123456789ABCDEF"),
        ("NODATA 1", "no signature"),
    ],
)
def test_judge(status: str, fault: str) -> None:
    assert _openpgp.judge(f"[GNUPG:] PLAINTEXT 74 0\n[GNUPG:] {status}\n", by="PRIMARY") == fault


@pytest.mark.parametrize(
    ("name", "kind", "target", "told"),
    [
        ("/etc/evil", tarfile.REGTYPE, "", "'/etc/evil'"),
        ("a/../../evil", tarfile.REGTYPE, "", "'a/../../evil'"),
        ("evil", tarfile.LNKTYPE, "/etc/passwd", "'/etc/passwd'"),
        ("evil", tarfile.LNKTYPE, "../x", "'../x'"),
    ],
)
def test_members_outside(tmp_path: Path, name: str, kind: bytes, target: str, told: str) -> None:
    made = tmp_path / "stage3.tar.xz"
    with tarfile.open(made, "w:xz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member, io.BytesIO())
    refused(tmp_path, _stage.Offer(str(made)), f"{made}: expected members below the root, found {told}")


def test_no_tarball(tmp_path: Path) -> None:
    with pytest.raises(BinhostError, match="stage3.tar.xz: expected a stage tarball, found nothing$"):
        _stage.present(_stage.Offer(str(tmp_path / "stage3.tar.xz")))
    (tmp_path / "stage3.iso").write_text("")
    told = "expected a name that ends in .tar.xz, .tar.zst, .tar.bz2, .tar.gz, found '.iso'"
    refused(tmp_path, _stage.Offer(str(tmp_path / "stage3.iso")), f"{tmp_path}/stage3.iso: {told}")
    (tmp_path / "stage3.tar.xz").write_text("no xz")
    refused(tmp_path, _stage.Offer(str(tmp_path / "stage3.tar.xz")), f"{tmp_path}/stage3.tar.xz: expected .*")
    whole = stages.pack(tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "stage3.tar.gz").write_bytes(whole[:-30])
    refused(tmp_path, _stage.Offer(str(tmp_path / "stage3.tar.gz")), f"{tmp_path}/stage3.tar.gz: expected .*")


def test_no_space(tmp_path: Path, tarball: Path, signer: stages.Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unpack, "survey", lambda tarball: 1 << 60)
    told = rf"{tmp_path}: expected \d+ MiB for the unpacked stage, found \d+ MiB free"
    refused(tmp_path, offered(tarball, signer), told)


def test_foreign_root(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("")
    with pytest.raises(
        BinhostError, match="expected nothing, or a stage of ours, found a folder that holds precious; move it away$"
    ):
        _stage.standing(str(tmp_path))
    with pytest.raises(BinhostError, match="found something that is no folder; move it away$"):
        _stage.standing(str(tmp_path / "precious"))


# --- interrupted


def test_killed_while_unpacking(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    def die(args: t.Sequence[str]) -> tuple[int, str, str]:
        if args[0] == "tar":
            stages.run([*args, "./etc"])
            raise KeyboardInterrupt
        return stages.run(args)

    root, offer = tmp_path / "root", offered(tarball, signer)
    with pytest.raises(KeyboardInterrupt):
        _stage.install(die, str(root), offer, _stage.promised(stages.run, offer))
    assert (tmp_path / "root.partial/root/etc/hello").exists()
    assert _stage.standing(str(root)) is None
    install(root, offer)
    assert (root / "hard").exists()
    assert not (tmp_path / "root.partial").exists()


def test_foreign_partial(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    (tmp_path / "root.partial").mkdir()
    (tmp_path / "root.partial/precious").write_text("")
    with pytest.raises(
        BinhostError, match="root.partial: expected to unpack here, found a folder that isn't ours; move it away$"
    ):
        install(tmp_path / "root", offered(tarball, signer))
    assert (tmp_path / "root.partial/precious").exists()


def test_nothing_is_deleted_below_a_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = tmp_path / "root.partial"
    (partial / "root/mnt").mkdir(parents=True)
    (partial / "root/mnt/precious").write_text("")
    (partial / _unpack.MARKER).write_text("")
    fake = tmp_path / "mountinfo"
    fake.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {partial}/root/mnt rw - ext4 y rw\n")
    monkeypatch.setattr(_mountinfo, "MOUNTINFO", str(fake))
    with pytest.raises(BinhostError, match=f"found {partial}/root/mnt$"):
        _unpack.clear(str(tmp_path / "root"))
    assert (partial / "root/mnt/precious").exists()
    assert (partial / _unpack.MARKER).exists()


def test_two_at_once(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        refused(
            tmp_path,
            offered(tarball, signer),
            f"{tmp_path}: expected to unpack alone, found another run that unpacks there",
        )
    finally:
        os.close(handle)


def test_failing_tar(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    def fail(args: t.Sequence[str]) -> tuple[int, str, str]:
        return (2, "", "tar: disk full\n") if args[0] == "tar" else stages.run(args)

    with pytest.raises(BinhostError, match="expected to unpack it into .*/root.partial/root, found: tar: disk full$"):
        _stage.install(fail, str(tmp_path / "root"), _stage.Offer(str(tarball)), {})
    assert not (tmp_path / "root").exists()
    install(tmp_path / "root", offered(tarball, signer))


# --- a newer stage


def test_news(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    stage = install(tmp_path / "root", offered(tarball, signer))
    told = f"this root was unpacked from stage3-1.tar.xz on {stage.time} and stays as it is"
    assert _stage.news(stage, offered("http://h/stage3-2.tar.xz", signer)) == f"stage3-2.tar.xz is there now; {told}"
    assert _stage.news(stage, offered("http://h/stage3-1.tar.xz", signer)) == ""
    tarball.write_bytes(tarball.read_bytes() + b"\0")
    signer.sign(tarball)
    assert _stage.news(stage, offered(tarball, signer)) == f"stage3-1.tar.xz is there now; {told}"
    tarball.with_name(tarball.name + ".DIGESTS").unlink()
    assert _stage.news(stage, offered(tarball, signer)) == ""


def test_record(tmp_path: Path, tarball: Path, signer: stages.Signer) -> None:
    install(tmp_path / "root", offered(tarball, signer))
    record = tmp_path / "root" / _stage.RECORD
    assert set(json.loads(record.read_text())) == {"file", "sha512", "time"}
    record.write_text("[]")
    with pytest.raises(BinhostError, match="stage.json: expected the record of the stage, found something else"):
        _stage.standing(str(tmp_path / "root"))


# --- fetched


def test_fetched(tmp_path: Path, tarball: Path, signer: stages.Signer, serve: t.Callable[..., str]) -> None:
    offer = offered(f"{serve(tarball.parent)}/{tarball.name}", signer)
    install(tmp_path / "root", offer)
    assert (tmp_path / "cache" / tarball.name).read_bytes() == tarball.read_bytes()


def test_fetched_and_tampered(
    tmp_path: Path, tarball: Path, signer: stages.Signer, serve: t.Callable[..., str]
) -> None:
    offer = offered(f"{serve(tarball.parent)}/{tarball.name}", signer)
    good = tarball.read_bytes()
    tarball.write_bytes(good + b"\0")
    refused(tmp_path, offer, f"{offer.source}: expected the tarball that was signed, .*")
    assert not (tmp_path / "cache" / tarball.name).exists()
    tarball.write_bytes(good)
    install(tmp_path / "root", offer)


def test_not_there(tmp_path: Path, tarball: Path, signer: stages.Signer, serve: t.Callable[..., str]) -> None:
    offer = offered(f"{serve(tarball.parent)}/stage3-9.tar.xz", signer)
    refused(tmp_path, offer, f"{offer.source}.DIGESTS: expected a file, found: 404 File not found")


def test_xattrs_survive(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/capable").write_text("")
    try:
        os.setxattr(tmp_path / "tree/capable", "user.test", b"1")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    made = tmp_path / "stage3.tar.gz"
    subprocess.run(["tar", "-C", tmp_path / "tree", "--xattrs", "-czf", made, "."], check=True)
    install(tmp_path / "root", _stage.Offer(str(made)))
    assert os.getxattr(tmp_path / "root/capable", "user.test") == b"1"
