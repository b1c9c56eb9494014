# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real machines' files and what the reference tool says of them; the folder is no part of the project."""

from __future__ import annotations

import csv
import json
import os
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _cpu_native, _cpu_x86
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

ROOT: t.Final = Path(__file__).resolve().parents[4]
CORPUS: t.Final = Path(os.environ.get("BINHOST_CORPUS") or ROOT.parent / "shared/corpus")

if not (CORPUS / "cpuinfo").is_dir():
    pytest.skip(f"{CORPUS}: no cpuinfo there (set BINHOST_CORPUS)", allow_module_level=True)

#: What newer kernels hide though CPUID has it; the kernel's word is the safe one.
HIDDEN: t.Final = {"rdrand", "bmi1", "sha"}
FOREIGN: t.Final = re.compile(
    r"s390|sparc|ia64|mips|Mips|loong|Loong|riscv|Riscv|rv64|darwin|windows|sifive|spacemit|x60|S390|"
    r"pytorch-cpuid/|expected$|\.given\.tsv$|\.json$"
)
#: cpuid2cpuflags' dumps are of these registers: leaf, subleaf or None -> per register {bit: the kernel's name}.
CPUID: t.Final[dict[tuple[int, int | None], tuple[dict[int, str], ...]]] = {
    (1, None): (
        {},
        {},
        {
            0: "pni",
            1: "pclmulqdq",
            9: "ssse3",
            12: "fma",
            19: "sse4_1",
            20: "sse4_2",
            23: "popcnt",
            25: "aes",
            28: "avx",
            29: "f16c",
            30: "rdrand",
        },
        {23: "mmx", 25: "sse", 26: "sse2"},
    ),
    (7, 0): (
        {},
        {
            3: "bmi1",
            5: "avx2",
            8: "bmi2",
            16: "avx512f",
            17: "avx512dq",
            21: "avx512ifma",
            26: "avx512pf",
            27: "avx512er",
            28: "avx512cd",
            29: "sha_ni",
            30: "avx512bw",
            31: "avx512vl",
        },
        {
            1: "avx512vbmi",
            6: "avx512_vbmi2",
            10: "vpclmulqdq",
            11: "avx512_vnni",
            12: "avx512_bitalg",
            14: "avx512_vpopcntdq",
        },
        {
            2: "avx512_4vnniw",
            3: "avx512_4fmaps",
            8: "avx512_vp2intersect",
            22: "amx_bf16",
            23: "avx512_fp16",
            24: "amx_tile",
            25: "amx_int8",
        },
    ),
    (7, 1): ({4: "avx_vnni", 5: "avx512_bf16"}, {}, {}, {}),
    (0x80000001, None): (
        {},
        {},
        {5: "abm", 6: "sse4a", 11: "xop", 16: "fma4"},
        {22: "mmxext", 30: "3dnowext", 31: "3dnow"},
    ),
}


def names_of(text: str) -> list[str]:
    return text.split()


HWCAP32: t.Final = names_of(
    "swp half thumb 26bit fastmult fpa vfp edsp java iwmmxt crunch thumbee neon vfpv3 vfpv3d16 tls vfpv4 idiva idivt "
    "vfpd32 lpae evtstrm fphp asimdhp asimddp asimdfhm asimdbf16 i8mm"
)
HWCAP32_2: t.Final = names_of("aes pmull sha1 sha2 crc32 sb ssbs")
HWCAP64: t.Final = names_of(
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 "
    "sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg"
)
HWCAP64_2: t.Final = names_of(
    "dcpodp sve2 sveaes svepmull svebitperm svesha3 svesm4 flagm2 frint svei8mm svef32mm svef64mm svebf16 i8mm bf16"
)


def index() -> list[dict[str, str]]:
    """Return the corpus's table of x86 files and the flags expected of them."""
    rows = []
    for path in sorted((CORPUS / "cpuinfo").rglob("INDEX.given.tsv")):
        with path.open(encoding="utf-8") as lines:
            header = next(lines).lstrip("#").rstrip("\n").split("\t")
            names = ["file", *header[1:-1], "expected"]
            rows += [
                {**dict(zip(names, row, strict=False)), "folder": str(path.parent)}
                for row in csv.reader(lines, delimiter="\t")
            ]
    return rows


INDEX: t.Final = index()
EXPECTED: t.Final = [row for row in INDEX if row.get("expected")]
FILES: t.Final = [path for path in sorted((CORPUS / "cpuinfo").rglob("*")) if path.is_file()]


def name(path: Path) -> str:
    return str(path.relative_to(CORPUS))


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["file"])
def test_flags_of_every_indexed_file(row: dict[str, str]) -> None:
    path = Path(row["folder"], row["file"])
    cpu = _cpu.parse(path.read_text(encoding="utf-8", errors="replace"), source=str(path))
    assert _cpu.cpu_flags(cpu.features, arch=cpu.arch) == sorted(row["expected"].split())
    if row.get("family", "").isdigit():
        assert (cpu.vendor, cpu.family, cpu.model) == (row["vendor"], int(row["family"]), int(row["model"]))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_file_is_read_or_refused(path: Path) -> None:
    try:
        cpu = _cpu.parse(path.read_text(encoding="utf-8", errors="replace"), source=path.name)
    except BinhostError as exc:
        assert FOREIGN.search(str(path)), exc
        assert path.name in str(exc)
        return
    assert not FOREIGN.search(name(path))
    facts = _cpu.facts(cpu)
    if cpu.arch == "x86" and facts["march"]:
        assert _cpu_native.required(facts["march"]) <= cpu.features


PAIRS: t.Final = json.loads((CORPUS / "cpu-flags/pairs.given.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["file"])
def test_flags_are_cpuid2cpuflags_of_the_same_machine(pair: dict[str, t.Any]) -> None:
    flags = " ".join(pair["cpuinfo_flags"])
    text = (
        f"vendor_id\t: {pair['vendor']}\ncpu family\t: {pair['family']}\nmodel\t: {pair['model']}\nflags\t: {flags}\n"
    )
    found = set(_cpu.cpu_flags(_cpu.parse(text).features))
    tool = set(pair["cpuid2cpuflags_output"].split())
    assert found <= tool or not pair["agree"]
    assert tool - found <= (set() if pair["agree"] else HIDDEN)


def dump(path: Path) -> dict[str, str]:
    lines = [line.split(":", 1) for line in path.read_text(encoding="utf-8").splitlines() if ":" in line]
    return {key: value for key, value in lines if key in ("expected", "hwcap", "hwcap2", "machine")}


def from_cpuid(path: Path) -> set[str]:
    features: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, *words = line.split(":")
        if kind not in ("top", "sub"):
            continue
        numbers = [int(word, 16) for word in words]
        key = (numbers[0], None) if kind == "top" else (numbers[0], numbers[1])
        for bits, register in zip(CPUID.get(key, ()), numbers[-4:], strict=False):
            features |= {feature for bit, feature in bits.items() if register >> bit & 1}
    return features


@pytest.mark.parametrize("path", sorted(CORPUS.glob("cpu-flags/*/x86/*.txt")), ids=lambda path: path.name)
def test_flags_of_cpuid_dumps(path: Path) -> None:
    text = f"vendor_id : {'AuthenticAMD' if re.match('amd|athlon|opteron', path.name) else 'GenuineIntel'}\n"
    features = _cpu.parse(f"{text}flags : {' '.join(from_cpuid(path))}\n").features
    assert _cpu.cpu_flags(features) == sorted(dump(path)["expected"].split())


def bits(text: str, names: list[str]) -> list[str]:
    return [feature for bit, feature in enumerate(names) if int(text, 16) >> bit & 1]


@pytest.mark.parametrize("path", sorted(CORPUS.glob("cpu-flags/*/arm/*.txt")), ids=lambda path: path.name)
def test_flags_of_hwcap_dumps(path: Path) -> None:
    said = dump(path)
    machine = said["machine"]
    tables = (HWCAP64, HWCAP64_2) if machine == "aarch64" else (HWCAP32, HWCAP32_2)
    features = [*bits(said["hwcap"], tables[0]), *bits(said["hwcap2"], tables[1])]
    version = "8" if machine == "aarch64" else machine[4]
    model = (
        "" if machine == "aarch64" else f"model name : ARMv{version} Processor rev 1 ({machine[3:5]}{machine[-1]})\n"
    )
    text = (
        f"processor : 0\n{model}Features : {' '.join(features)}\nCPU implementer : 0x41\nCPU architecture: {version}\n"
    )
    cpu = _cpu.parse(text)
    assert _cpu.cpu_flags(cpu.features, arch="arm") == sorted(said["expected"].split())


@pytest.mark.parametrize("path", sorted(CORPUS.glob("cpu-flags/*/ppc/*.txt")), ids=lambda path: path.name)
def test_flags_of_power(path: Path) -> None:
    cpu = _cpu.parse(f"cpu : {path.stem.upper()} (architected), altivec supported\n")
    assert _cpu.cpu_flags(cpu.features, arch="ppc") == sorted(dump(path)["expected"].split())


@pytest.mark.parametrize("path", sorted(CORPUS.glob("cpu-flags/cpu_flags_x86.desc*")), ids=lambda path: path.name)
def test_every_flag_of_gentoo_is_known(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    known = {line.split(" - ")[0] for line in lines if " - " in line and not line.startswith("#")}
    assert known <= set(_cpu_x86.FLAGS)
