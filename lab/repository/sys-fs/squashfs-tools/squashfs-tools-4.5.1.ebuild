# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Tools for creating and extracting squashfs file systems"
HOMEPAGE="https://github.com/plougher/squashfs-tools"
SRC_URI="${PN}_${PV}.orig.tar.gz"
S="${WORKDIR}/${P}/${PN}"

LICENSE="GPL-2+"
SLOT="0"
KEYWORDS="amd64"
IUSE="lz4"

DEPEND="
	sys-libs/zlib:=
	lz4? ( app-arch/lz4:= )
"
RDEPEND="${DEPEND}"

src_compile() {
	emake CC="${CHOST}-gcc" EXTRA_CFLAGS="${CFLAGS}" EXTRA_LDFLAGS="${LDFLAGS}" CONFIG=1 GZIP_SUPPORT=1 \
		LZ4_SUPPORT=$(usex lz4 1 0) COMP_DEFAULT=gzip XATTR_SUPPORT=1 XATTR_DEFAULT=1 mksquashfs unsquashfs
}

src_install() {
	dobin mksquashfs unsquashfs
	dosym unsquashfs /usr/bin/sqfscat
	dosym mksquashfs /usr/bin/sqfstar
	dodoc ../CHANGES
}
