# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stage as a playbook sees it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.unit.plugins import stages

Module = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[stages.Signer]:
    with stages.signer(tmp_path_factory.mktemp("key")) as new:
        yield new


def asked(tmp_path: Path, root: str = "root") -> dict[str, str]:
    """Return where everything goes."""
    return {"root": str(tmp_path / root), "state_dir": str(tmp_path / "state")}


def test_check_run_check_run(module: Module, tmp_path: Path, signer: stages.Signer) -> None:
    tarball, root = stages.offer(tmp_path / "offer", signer), tmp_path / "roots/t"
    args = {
        **asked(tmp_path, "roots/t"),
        "source": str(tarball),
        "key": str(signer.public),
        "fingerprint": signer.fingerprint,
    }
    for check in (True, False):
        result = module("stage", args, check=check)
        assert (result["changed"], result["stage"]["file"]) == (True, "stage3-1.tar.xz")
        assert result["diff"][0]["after"] == f"the stage stage3-1.tar.xz, signed by {signer.fingerprint}\n"
        assert root.parent.exists() is not check
    assert (root / "etc/hello").read_text() == "hello\n"
    stage = result["stage"]
    for check in (True, False):
        result = module("stage", args, check=check)
        assert (result["changed"], result["stage"]) == (False, stage)
    tarball.rename(tarball.with_name("stage3-2.tar.xz"))
    result = module("stage", {**args, "source": str(tarball.with_name("stage3-2.tar.xz"))})
    assert result["warnings"] == [
        f"{root}: stage3-2.tar.xz is there now; "
        f"this root was unpacked from stage3-1.tar.xz on {stage['time']} and stays as it is"
    ]


def test_tampered(module: Module, tmp_path: Path, signer: stages.Signer) -> None:
    tarball, root = stages.offer(tmp_path / "offer", signer), tmp_path / "root"
    tarball.write_bytes(tarball.read_bytes() + b"\0")
    args = {**asked(tmp_path), "source": str(tarball), "key": str(signer.public), "fingerprint": signer.fingerprint}
    result = module("stage", args)
    assert result["failed"]
    assert result["msg"].startswith(f"{tarball}: expected the tarball that was signed, with BLAKE2B ")
    assert not root.exists()


def test_unverified_is_written_out(module: Module, tmp_path: Path) -> None:
    tarball = stages.pack(tmp_path / "stage3.tar.gz")
    result = module("stage", {**asked(tmp_path), "source": str(tarball)})
    assert (result["failed"], result["msg"]) == (
        True,
        "verify is True but all of the following are missing: key, fingerprint",
    )
    assert module("stage", {**asked(tmp_path), "source": str(tarball), "verify": False})["changed"]
