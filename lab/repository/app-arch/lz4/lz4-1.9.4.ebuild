# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Extremely fast compression algorithm"
HOMEPAGE="https://lz4.org/"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="BSD-2 GPL-2+"
SLOT="0/1" # liblz4.so.1
KEYWORDS="amd64"
IUSE="static-libs"

src_compile() {
	export CC="${CHOST}-gcc" AR="${CHOST}-ar"
	emake -C lib BUILD_STATIC=$(usex static-libs)
	emake -C programs lz4
}

src_install() {
	local dirs=( PREFIX="${EPREFIX}/usr" LIBDIR="${EPREFIX}/usr/$(get_libdir)" DESTDIR="${D}" )
	emake -C lib "${dirs[@]}" BUILD_STATIC=$(usex static-libs) install
	emake -C programs "${dirs[@]}" MANDIR="${EPREFIX}/usr/share/man/man1" install
}
