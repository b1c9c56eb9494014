# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Recovers data from a corrupted gzip file"
HOMEPAGE="https://www.urbanophile.com/arenn/hacking/gzrt/gzrt.html"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="GPL-2+"
SLOT="0"
KEYWORDS="amd64"

DEPEND="sys-libs/zlib:="
RDEPEND="${DEPEND}"

src_compile() {
	# The Makefile calls cc and knows no CFLAGS.
	set -- "${CHOST}-gcc" ${CPPFLAGS} ${CFLAGS} -D_FILE_OFFSET_BITS=64 ${LDFLAGS} gzrecover.c -lz -o gzrecover
	echo "$@"
	"$@" || die
}

src_install() {
	dobin gzrecover
	doman gzrecover.1
	dodoc README
}
