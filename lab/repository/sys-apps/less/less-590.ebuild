# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Pager that can scroll backwards"
HOMEPAGE="https://www.greenwoodsoftware.com/less/"
SRC_URI="${PN}_${PV}.orig.tar.gz"

LICENSE="|| ( GPL-3 BSD-2 )"
SLOT="0"
KEYWORDS="amd64"
