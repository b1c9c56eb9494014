# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

# Debian's tarball is upstream's without the manual under the GFDL.
DESCRIPTION="Prints the full path of commands"
HOMEPAGE="https://carlowood.github.io/which/"
SRC_URI="gnu-${PN}_${PV}+dfsg.orig.tar.gz"
S="${WORKDIR}/gnu-${P}+dfsg"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64"

src_compile() {
	emake -C tilde
	emake which
}

src_install() {
	dobin which
	doman which.1
	dodoc NEWS README
}
