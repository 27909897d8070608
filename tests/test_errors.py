"""The tree of errors is what callers catch by."""

import pytest

from sfumato.errors import CheckpointError, InputError, MissingExtra, SfumatoError


def test_one_except_clause_catches_every_error_of_ours():
    for error in (InputError("a"), CheckpointError("b"), MissingExtra("c", "d")):
        with pytest.raises(SfumatoError):
            raise error


def test_a_bad_request_is_a_value_error_and_bad_weights_are_not():
    assert issubclass(InputError, ValueError)
    assert not issubclass(CheckpointError, ValueError)


def test_a_missing_extra_says_the_command_that_brings_it():
    error = MissingExtra("TensorBoard", "pip install 'sfumato[train]'")
    assert str(error) == "TensorBoard is not installed; install it with: pip install 'sfumato[train]'"
    assert error.install == "pip install 'sfumato[train]'"
