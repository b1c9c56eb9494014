# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Verifies the integrity of PNG, JNG and MNG files"
HOMEPAGE="http://www.libpng.org/pub/png/apps/pngcheck.html"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="HPND"
SLOT="0"
KEYWORDS="amd64"

DEPEND="sys-libs/zlib:="
RDEPEND="${DEPEND}"

src_compile() {
	emake -f Makefile.unx pngcheck CC="${CHOST}-gcc" CFLAGS="${CFLAGS} -DUSE_ZLIB" LIBS="${LDFLAGS} -lz"
}

src_install() {
	dobin pngcheck
	doman pngcheck.1
	dodoc README
}
