# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="The standard line editor"
HOMEPAGE="https://www.gnu.org/software/ed/"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="GPL-2+"
SLOT="0"
KEYWORDS="amd64"

src_configure() {
	# A configure script of its own: econf's options are errors to it.
	./configure --prefix="${EPREFIX}/usr" CC="${CHOST}-gcc" CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}" || die
}

src_install() {
	emake DESTDIR="${D}" install-bin install-man
	dodoc AUTHORS NEWS README
}
