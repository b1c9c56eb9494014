# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Lists directories recursively, as a tree"
HOMEPAGE="http://mama.indstate.edu/users/ice/tree/"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="GPL-2+"
SLOT="0"
KEYWORDS="amd64"

src_compile() {
	emake CC="${CHOST}-gcc" \
		CFLAGS="${CFLAGS} -std=c11 -D_LARGEFILE64_SOURCE -D_FILE_OFFSET_BITS=64" LDFLAGS="${LDFLAGS}"
}

src_install() {
	dobin tree
	doman doc/tree.1
	dodoc CHANGES README
}
