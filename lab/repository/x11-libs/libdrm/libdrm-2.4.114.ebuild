# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="X.Org libdrm library: one library per video card"
HOMEPAGE="https://dri.freedesktop.org/"
SRC_URI="${PN}_${PV}.orig.tar.xz"

LICENSE="MIT"
SLOT="0/2" # libdrm.so.2
KEYWORDS="amd64"
IUSE="video_cards_amdgpu video_cards_intel video_cards_nouveau video_cards_radeon"

DEPEND="video_cards_intel? ( x11-libs/libpciaccess:= )"
RDEPEND="${DEPEND}"

# usage: library <name> <version> <source>... [-- <word for the linker>...]
# What meson would run: the lab has no meson.
library() {
	local name=$1 version=$2 files=() file
	shift 2
	while [[ $# -gt 0 && $1 != -- ]]; do
		files+=( "$1" )
		shift
	done
	shift
	set -- "${CHOST}-gcc" ${CPPFLAGS} ${CFLAGS} -std=gnu11 -fPIC -D_GNU_SOURCE -DUDEV=0 \
		-DHAVE_LIBDRM_ATOMIC_PRIMITIVES=1 -DHAVE_VISIBILITY=1 -DHAVE_OPEN_MEMSTREAM=1 -DMAJOR_IN_SYSMACROS=1 \
		-DAMDGPU_ASIC_ID_TABLE="\"${EPREFIX}/usr/share/libdrm/amdgpu.ids\"" -I. -Iinclude/drm -Iradeon \
		-shared ${LDFLAGS} -Wl,-soname,lib${name}.so.${version%%.*} -o lib${name}.so.${version} "${files[@]}" "$@"
	echo "$@"
	"$@" || die
	ln -s lib${name}.so.${version} lib${name}.so.${version%%.*} || die
	ln -s lib${name}.so.${version} lib${name}.so || die
}

src_configure() { :; }

src_compile() {
	python3 gen_table_fourcc.py include/drm/drm_fourcc.h generated_static_table_fourcc.h || die
	library drm 2.4.0 xf86drm{,Hash,Mode,Random,SL}.c -- -lm
	if use video_cards_amdgpu; then
		library drm_amdgpu 1.0.0 amdgpu/*.c -- -L. -ldrm -lpthread
	fi
	if use video_cards_intel; then
		library drm_intel 1.0.0 intel/{intel_{bufmgr,bufmgr_fake,bufmgr_gem,decode,chipset},mm}.c -- -L. -ldrm -lpciaccess
	fi
	if use video_cards_nouveau; then
		library drm_nouveau 2.0.0 nouveau/*.c -- -L. -ldrm -lpthread
	fi
	if use video_cards_radeon; then
		library drm_radeon 1.0.1 radeon/radeon_*.c -- -L. -ldrm
	fi
}

src_install() {
	dolib.so lib*.so*
	doheader libsync.h xf86drm.h xf86drmMode.h
	insinto /usr/include/libdrm
	doins include/drm/*.h
	if use video_cards_amdgpu; then
		insinto /usr/share/libdrm
		doins data/amdgpu.ids
	fi
	dodoc README.rst
}
