# Copyright 2026 larry.binhost contributors
# Distributed under the terms of the GNU General Public License v3 or later

EAPI=8

DESCRIPTION="Adds numbers up, many at a time where the compiler may"
S="${WORKDIR}"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64"

# While it is there, who builds this waits, and who installs it.
wait_at_gate() {
	while [[ -e /var/cache/distfiles/gate ]]; do sleep 1; done
}

src_configure() {
	wait_at_gate
}

src_compile() {
	cat >vector.c <<-END || die
		#include <stdio.h>

		int main(int count, char **words)
		{
			static int numbers[1000];
			int sum = 0;

			for (int i = 0; i < 1000; i++)
				numbers[i] = i * i * count;
			for (int i = 0; i < 1000; i++)
				sum += numbers[i] ^ i;
			return printf("%d\n", sum) < 0;
		}
	END
	"${CHOST}-gcc" ${CFLAGS} -ftree-vectorize -o vector vector.c || die
}

src_install() {
	dobin vector
}

pkg_preinst() {
	wait_at_gate
}
