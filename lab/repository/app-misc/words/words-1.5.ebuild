# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="The word list of Webster's Second International, from the GNU miscfiles"
HOMEPAGE="https://directory.fsf.org/wiki/Miscfiles"
SRC_URI="miscfiles_${PV}+dfsg.orig.tar.gz"
S="${WORKDIR}/miscfiles-${PV}+dfsg.orig"

LICENSE="GPL-2+"
SLOT="0"
KEYWORDS="amd64"

src_configure() { :; }

src_compile() { :; }

src_install() {
	insinto /usr/share/dict
	doins web2 propernames connectives
	dosym web2 /usr/share/dict/words
	dodoc dict-README
}
