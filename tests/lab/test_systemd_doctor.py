from __future__ import annotations

from tests.lab.fix_systemd import Machine, machine

__all__ = ["machine"]

LOOKS = """
from cockpit.commands import doctor_survival
for look in (doctor_survival.outliving, doctor_survival.kill_user_processes):
    one = look()
    print(f"{one.found}; mend: {one.mend or 'nothing'}")
"""
UNITS = "systemctl list-units --all --no-legend cockpit-*"


def test_the_doctor_sees_that_units_outlive_a_login_and_sessions_do_not(machine: Machine) -> None:
    drop = machine.folder / "etc" / "logind.conf.d" / "90-kill.conf"
    drop.write_text("[Login]\nKillUserProcesses=yes\n")
    outliving, logind = machine.python(LOOKS).splitlines()
    assert outliving == (
        "tried, its scope stopped: a unit of its own lives on; a session of its own is ended; "
        "mend: nothing"
    )
    assert logind == (
        "KillUserProcesses=yes (/etc/systemd/logind.conf.d/90-kill.conf): engines and steps are "
        "units, which it does not touch; mend: nothing"
    )
    # It leaves nothing on the host that it tried this on.
    assert machine.run(*UNITS.split()) == ""
