"""The folders of a home."""

import stat

import pytest

from assets.lake.home import Home
from data_contracts.closed import DefinitionError


def test_a_folder_without_home_yaml_is_no_home_and_stays_untouched(tmp_path):
    with pytest.raises(DefinitionError, match="kangheng init"):
        Home.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_vault_is_closed_to_others_even_after_a_careless_restore(tmp_path):
    (tmp_path / "home.yaml").touch()
    home = Home.open(tmp_path)
    home.archive.chmod(0o755)
    Home.open(tmp_path)
    for folder in (home.vault, home.keys, home.archive, home.quarantine, home.ledger):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
