import os
import subprocess
import sys

import pytest

from sfumato.cli import main as cli
from sfumato.version import __version__


def test_help_and_version_are_told(sfumato):
    code, out, _ = sfumato("--help")
    assert code == 0
    assert all(verb in out for verb in cli.VERBS)
    assert sfumato()[1] == out
    assert sfumato("--version") == (0, f"sfumato {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["paint"],
        ["draw"],
        ["draw", "a", "--steps", "many"],
        ["draw", "a", "--colour", "red"],
        ["draw", ""],
        ["draw", "a", "--steps", "0"],
        ["draw", "a", "--guidance", "-1"],
        ["draw", "a", "--guidance", "nan"],
        ["draw", "a", "--seed", "-3"],
        ["draw", "a", "--size", "big"],
        ["draw", "a", "--size", "0x16"],
        ["draw", "a", "--count", "0"],
        ["draw", "a", "--seed", str(2**63 - 1), "--count", "2"],
        ["draw", "a", "--seed", "1", "-o", "no/such/folder/cat.png"],
        ["draw", "a", "--seed", "1", "-o", "cat.jpg"],
        ["draw", "a", "--seed", "1", "-o", "x" * 250 + ".png"],
        ["draw", "a", "--weights", "nothing.safetensors"],
        ["replay", "nothing.png"],
        ["inspect", "nothing.safetensors"],
    ],
)
def test_a_mistake_is_one_line_on_stderr_and_exit_code_2(sfumato, arguments, tmp_path):
    code, out, err = sfumato(*arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if not line.startswith("seed ")]) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_defect_of_ours_is_one_line_too_unless_the_traceback_is_asked_for(sfumato, monkeypatch):
    def broken():
        raise KeyError("a\nb")

    monkeypatch.setitem(cli.VERBS, "inspect", broken)
    code, _, err = sfumato("inspect")
    assert code == 2
    assert err.count("\n") == 1
    assert "defect" in err
    monkeypatch.setenv("SFUMATO_TRACEBACK", "1")
    with pytest.raises(KeyError):
        cli.main(["inspect"])


def test_an_interrupt_stops_quietly(sfumato, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.VERBS, "inspect", interrupted)
    code, _, err = sfumato("inspect")
    assert (code, err.strip()) == (130, "stopped")


def test_help_and_mistakes_are_answered_without_torch():
    code = (
        "import sys\nfrom sfumato.cli.main import main\n"
        "for arguments in (['--help'], ['draw', '--help'], ['draw', ''], ['inspect', 'nothing'],"
        " ['draw', 'a', '--seed', '1', '-o', 'no/such.png']):\n"
        "    try: main(arguments)\n"
        "    except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_waiting_threads_do_not_spin():
    code = "import os, sfumato.cli.main; print(os.environ['GOMP_SPINCOUNT'])"
    bare = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=bare)
    assert found.stdout.strip() == "0"
