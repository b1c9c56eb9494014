# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="A file that is installed after a program"
S="${WORKDIR}"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64"

RDEPEND="app-misc/vector"

src_install() {
	insinto /usr/share
	newins - after <<<"after"
}
