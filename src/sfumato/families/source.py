"""The files that a model came from, by their digests: what a picture's recipe calls its weights."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

from sfumato.checkpoints.safetensors import digest
from sfumato.families.loading import LoadingOptions

FILES = ("refiner", "unet", "vae", "text_encoder", "text_encoder_2")  # options that name files


class Source:
    """Where a model came from. Its files are digested in a thread, from the moment that it is loaded."""

    def __init__(self, path: Path | None = None, how: LoadingOptions | None = None) -> None:
        self.path = path
        self.how: dict[str, object] = {name: value for name, value in (how or {}).items() if value}
        self._digests: dict[str, str | Exception] = {}
        self._digesting = Thread(target=self._digest, daemon=True)
        self._digesting.start()

    @property
    def sha256(self) -> str:
        """The digest of the weights; "" if they came from no file. Raises CheckpointError if it was gone."""
        return "" if self.path is None else self._digested("")

    @property
    def beside(self) -> dict[str, str]:
        """The digests of files that took the place of parts, or follow the model."""
        return {name: self._digested(name) for name in FILES if name in self.how}

    @property
    def loading(self) -> dict[str, str]:
        """What else was said of how to load it; where it runs is told with every picture."""
        others = {name: value for name, value in self.how.items() if name not in (*FILES, "device")}
        return {name: str(value) for name, value in others.items()}

    def _digest(self) -> None:
        paths = {"": self.path} | {name: Path(str(self.how[name])) for name in FILES if name in self.how}
        for name, path in paths.items():
            try:
                self._digests[name] = "" if path is None else digest(path)
            except Exception as error:  # raised where the digest is asked for
                self._digests[name] = error

    def _digested(self, name: str) -> str:
        self._digesting.join()
        found = self._digests[name]
        if isinstance(found, Exception):
            raise found
        return found
