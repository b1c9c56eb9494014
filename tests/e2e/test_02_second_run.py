# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged fleet costs little and is left as it is."""

from __future__ import annotations

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import COUNTER, Machines

TARGETS = 1
FSTAB_LINES = 0
SLAVE_BUDGET = 6 + FSTAB_LINES
MASTER_BUDGET = 8 + FSTAB_LINES + 4 * TARGETS


def test_a_second_run_changes_nothing_and_starts_no_emerge(lab: Machines, site: Site) -> None:
    with portage.counted_emerge(lab) as starts:
        run = site("--diff")
        assert run.rc == 0, run.stdout
        assert {host: counts["changed"] for host, counts in run.recap.items()} == dict.fromkeys(portage.EVERYBODY, 0)
        assert starts() == []
        lab.sh("laptop-amd", "emerge --pretend @world")
        assert len(starts()) == 1, "the counter counts"


def test_a_converged_run_costs_few_remote_executions(lab: Machines, site: Site) -> None:
    for host in portage.EVERYBODY:
        lab.count_python(host)
    assert site("-e", f"ansible_python_interpreter={COUNTER}").rc == 0
    costs = {host: lab.python_starts(host) for host in portage.EVERYBODY}
    assert all(0 < costs[slave] <= SLAVE_BUDGET for slave in portage.SLAVES), costs
    assert 0 < costs["desktop"] <= MASTER_BUDGET, costs


def test_the_plan_can_be_read_and_touches_nothing(site: Site) -> None:
    run = site(playbook="playbooks/plan.yml")
    assert run.rc == 0, run.stdout
    assert run.changed() == set()
    assert {event.action.rpartition(".")[2] for event in run.events} == {"fleet_plan", "host_facts"}
    told = run.of(action="fleet_plan")[-1].result["msg"]
    assert "laptop-amd keeps the target common from x86-64-v3: lacks avx2, bmi2," in told
