# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Pipe Viewer: shows the progress of data through a pipe"
HOMEPAGE="https://www.ivarch.com/programs/pv.shtml"
SRC_URI="${PN}_${PV}.orig.tar.bz2"

LICENSE="Artistic-2"
SLOT="0"
KEYWORDS="amd64"
IUSE="nls"

src_configure() {
	econf $(use_enable nls)
}

src_compile() {
	emake LD="${CHOST}-ld" pv
}

src_install() {
	dobin pv
	dodoc README doc/NEWS
}
