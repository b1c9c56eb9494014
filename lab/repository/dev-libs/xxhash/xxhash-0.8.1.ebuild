# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Extremely fast hash algorithm, and a program that checks files with it"
HOMEPAGE="https://xxhash.com/"
SRC_URI="${PN}_${PV}.orig.tar.gz"
S="${WORKDIR}/xxHash-${PV}"

LICENSE="BSD-2 GPL-2+"
SLOT="0/0" # libxxhash.so.0
KEYWORDS="amd64"
IUSE="cpu_flags_x86_avx2"

src_compile() {
	# XXH3's inner loop is chosen when it is compiled (xxh3.h, XXH_VECTOR).  -mno-avx: without the flag
	# no instruction of the wide kind is left, whatever -march says.
	CFLAGS+=" $(usex cpu_flags_x86_avx2 -mavx2 -mno-avx)"
	emake CC="${CHOST}-gcc" AR="${CHOST}-ar" PREFIX="${EPREFIX}/usr" LIBDIR="${EPREFIX}/usr/$(get_libdir)" lib xxhsum
}

src_install() {
	dobin xxhsum
	dolib.so libxxhash.so.${PV}
	dosym libxxhash.so.${PV} "/usr/$(get_libdir)/libxxhash.so.0"
	dosym libxxhash.so.${PV} "/usr/$(get_libdir)/libxxhash.so"
	doheader xxhash.h xxh3.h
	dodoc README.md CHANGELOG
}
