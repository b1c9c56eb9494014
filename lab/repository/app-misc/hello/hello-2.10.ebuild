# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="GNU's greeting, translated into many languages with USE=nls"
HOMEPAGE="https://www.gnu.org/software/hello/"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64"
IUSE="nls"

src_configure() {
	econf $(use_enable nls)
}
