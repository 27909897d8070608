"""The errors that a caller can act on; anything else that is raised is a defect of ours.

    SfumatoError
    ├── InputError        the request cannot be drawn: change the request (also a ValueError; CLI exit 2)
    ├── CheckpointError   the weights are damaged, unknown or incomplete: change the file
    ├── OutOfMemory       it does not fit, here and now: ask for less, the message says how much fits
    ├── NotFinite         a network answered numbers that are none: change how the weights are loaded
    ├── DeadlinePassed    it was not finished in the time that was given: give more, or ask for less
    ├── DivergedError     training left the finite numbers: change the recipe
    └── MissingExtra      an optional package or artwork is absent: install it, the message says how

Every message is one line: what is wrong, with the values, and the way out.
"""


class SfumatoError(Exception):
    """What every error of this package is; its text is meant for the person who typed the command."""


class InputError(SfumatoError, ValueError):
    """A request, or a file handed in with it, that no picture can be made from."""


class CheckpointError(SfumatoError):
    """A weights file that is damaged, of an unknown kind, or not exactly what the network needs."""


class OutOfMemory(SfumatoError):  # noqa: N818 - named after what happened
    """A model or a picture that does not fit into memory, foreseen or met; other requests go on."""


class NotFinite(SfumatoError, ArithmeticError):  # noqa: N818 - as above
    """A network answered with numbers that are not finite: no picture, and never a black one."""


class DeadlinePassed(SfumatoError):  # noqa: N818 - as above
    """A picture that was not finished in the time that its request gave it."""


class DivergedError(SfumatoError, ArithmeticError):
    """A gradient that is not finite: the recipe is too bold for what it trains."""


class MissingExtra(SfumatoError):  # noqa: N818 - named after what is absent
    """Something optional that is needed here and not installed.

    ``what`` is named in plain words, ``install`` is the command that brings it.
    """

    def __init__(self, what: str, install: str) -> None:
        super().__init__(f"{what} is not installed; install it with: {install}")
        self.what = what
        self.install = install
