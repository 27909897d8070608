import pytest

from sfumato.cli.main import main


@pytest.fixture
def sfumato(capsys, monkeypatch, tmp_path):
    """Runs a command line in an empty folder; gives its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return exit_.value.code, said.out, said.err

    return run
