# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Converts line endings between DOS, Mac and Unix"
HOMEPAGE="https://waterlan.home.xs4all.nl/dos2unix.html"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="BSD-2"
SLOT="0"
KEYWORDS="amd64"

src_compile() {
	# No translations: they need msgfmt.
	emake CC="${CHOST}-gcc" CFLAGS_OS= CFLAGS="${CFLAGS}" LDFLAGS_USER="${LDFLAGS}" ENABLE_NLS= dos2unix unix2dos
}

src_install() {
	dobin dos2unix unix2dos
	dosym dos2unix /usr/bin/mac2unix
	dosym unix2dos /usr/bin/unix2mac
	dodoc README.txt NEWS.txt
}
