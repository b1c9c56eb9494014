# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

# Upstream's own idea of a CPU, in its source: nothing tells of it before it runs.
DESCRIPTION="Multiplies by AVX2 whatever its CFLAGS say"
S="${WORKDIR}"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64"

src_compile() {
	cat >hidden.c <<-END || die
		#include <immintrin.h>
		#include <stdio.h>

		__attribute__((target("avx2"))) int main(int count, char **words)
		{
			__m256i numbers = _mm256_set1_epi32(6 * count);
			numbers = _mm256_mullo_epi32(numbers, _mm256_set1_epi32(7));
			return printf("%d\n", _mm256_extract_epi32(numbers, 0)) < 0;
		}
	END
	"${CHOST}-gcc" ${CFLAGS} -o hidden hidden.c || die
}

src_install() {
	dobin hidden
}
