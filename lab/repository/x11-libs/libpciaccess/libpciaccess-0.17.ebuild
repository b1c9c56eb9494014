# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Library providing generic access to the PCI bus and devices"
HOMEPAGE="https://gitlab.freedesktop.org/xorg/lib/libpciaccess"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="MIT"
SLOT="0/0" # libpciaccess.so.0
KEYWORDS="amd64"

DEPEND="sys-libs/zlib:="
RDEPEND="${DEPEND}"

src_configure() {
	econf --with-zlib
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
}
