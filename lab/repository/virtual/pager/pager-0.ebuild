# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Virtual for command-line pagers"

SLOT="0"
KEYWORDS="amd64"

RDEPEND="sys-apps/less"
