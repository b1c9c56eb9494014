# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="High-quality block-sorting compressor and its library"
HOMEPAGE="https://sourceware.org/bzip2/"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="BZIP2"
SLOT="0/1" # libbz2.so.1.0
KEYWORDS="amd64"
IUSE="static-libs"

src_compile() {
	local flags=( CC="${CHOST}-gcc" AR="${CHOST}-ar" RANLIB="${CHOST}-ranlib" )
	emake "${flags[@]}" CFLAGS="${CFLAGS} ${LDFLAGS} -fPIC -D_FILE_OFFSET_BITS=64" -f Makefile-libbz2_so
	use static-libs || return 0
	emake "${flags[@]}" CFLAGS="${CFLAGS} -D_FILE_OFFSET_BITS=64" libbz2.a
}

src_install() {
	newbin bzip2-shared bzip2
	dosym bzip2 /usr/bin/bunzip2
	dosym bzip2 /usr/bin/bzcat
	dolib.so libbz2.so.${PV}
	dosym libbz2.so.${PV} "/usr/$(get_libdir)/libbz2.so.1.0"
	dosym libbz2.so.${PV} "/usr/$(get_libdir)/libbz2.so"
	use static-libs && dolib.a libbz2.a
	doheader bzlib.h
	doman bzip2.1
	dodoc CHANGES README
}
