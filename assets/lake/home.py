"""Where things are in the home of a bureau.

Put here: folder names, and making the empty folders. Keep out: what is inside them.
"""

from dataclasses import dataclass
from pathlib import Path

from assets.lake.atomic import make_folder
from data_contracts.messages import wrong


@dataclass(frozen=True)
class Home:
    """The folder of one bureau."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> "Home":
        """The home at `path`; an error that says how to make one if there is none."""
        if not (path / "home.yaml").is_file():
            raise wrong("wrong_no_home", path=path)
        home = cls(path.resolve())
        home.make_folders()
        return home

    def make_folders(self) -> None:
        """Create the folders that are not there; the vault is for its owner only."""
        for folder in (self.landing, self.lake, self.releases, self.contracts, self.settings, self.temporary):
            make_folder(folder)
        for folder in (self.vault, self.keys, self.archive, self.quarantine, self.ledger):
            make_folder(folder, 0o700)
            if folder.stat().st_mode & 0o077:
                # A restored backup may have opened what only the owner may read.
                folder.chmod(0o700)

    @property
    def settings(self) -> Path:
        """Dated, cited settings."""
        return self.path / "settings"

    @property
    def contracts(self) -> Path:
        """Own or overriding contracts."""
        return self.path / "contracts"

    @property
    def landing(self) -> Path:
        """Where senders put files."""
        return self.path / "landing"

    @property
    def vault(self) -> Path:
        """Everything that may identify a person."""
        return self.path / "vault"

    @property
    def keys(self) -> Path:
        """Keys of the vault."""
        return self.vault / "keys"

    @property
    def archive(self) -> Path:
        """Delivered bytes, encrypted."""
        return self.vault / "archive"

    @property
    def quarantine(self) -> Path:
        """Refused records, encrypted."""
        return self.vault / "quarantine"

    @property
    def ledger(self) -> Path:
        """Batches of the ledger."""
        return self.vault / "ledger"

    @property
    def lake(self) -> Path:
        """Parts and manifests."""
        return self.path / "lake"

    @property
    def warehouse(self) -> Path:
        """Read-only catalog of views over the parts in force."""
        return self.path / "warehouse.duckdb"

    @property
    def releases(self) -> Path:
        """Published periods."""
        return self.path / "releases"

    @property
    def fix_lists(self) -> Path:
        """What goes back to senders: period, feed, institution."""
        return self.path / "fixlists"

    @property
    def temporary(self) -> Path:
        """Scratch space; nothing in it outlives a run."""
        return self.path / "tmp"
