"""A home as `kangheng init` leaves it knows every sender and every level of area of the contracts we ship."""

import pytest

from data_contracts.contracts import Catalog
from data_contracts.settings.loading import load_settings
from pipelines.starter import make_home


@pytest.fixture
def settings(tmp_path):
    make_home(tmp_path / "office")
    return load_settings(tmp_path / "office").home


def test_every_sender_of_a_shipped_feed_has_a_title_and_a_deadline(settings):
    senders = {feed.extras.sender for feed in Catalog.load().current()}
    assert senders - settings.senders.keys() == set()


def test_the_shipped_area_table_finds_each_of_its_levels(settings):
    levels = {level.level for level in Catalog.load().feed("civil_affairs.areas").extras.levels}
    assert levels - {level.id for level in settings.levels} == set()
