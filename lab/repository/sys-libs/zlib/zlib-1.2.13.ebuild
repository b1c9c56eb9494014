# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

# Debian's tarball is upstream's without the RFCs.
DESCRIPTION="Standard (de)compression library"
HOMEPAGE="https://zlib.net/"
SRC_URI="${PN}_${PV}.dfsg.orig.tar.bz2"
S="${WORKDIR}/${P}.dfsg"

LICENSE="ZLIB"
SLOT="0/1" # libz.so.1
KEYWORDS="amd64"
IUSE="static-libs"

src_configure() {
	# A configure script of its own: econf's options are errors to it.
	CHOST="${CHOST}" CC="${CHOST}-gcc" AR="${CHOST}-ar" ./configure \
		--shared --prefix="${EPREFIX}/usr" --libdir="${EPREFIX}/usr/$(get_libdir)" || die
}

src_compile() {
	emake libz.so.${PV} zlib.pc $(usev static-libs libz.a)
}

src_install() {
	dolib.so libz.so.${PV}
	dosym libz.so.${PV} "/usr/$(get_libdir)/libz.so.1"
	dosym libz.so.${PV} "/usr/$(get_libdir)/libz.so"
	use static-libs && dolib.a libz.a
	doheader zlib.h zconf.h
	insinto "/usr/$(get_libdir)/pkgconfig"
	doins zlib.pc
	dodoc ChangeLog README
}
