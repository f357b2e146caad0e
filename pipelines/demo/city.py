"""The areas of the fictional city and what differs between its communities.

Put here: codes, names, latent qualities of communities. Keep out: people.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

COUNTIES = (("990101", "海棠区", "Haitang"), ("990102", "云杉县", "Yunshan"))
CITY = ("9901", "康宁市", "Kangning")
_TOWNS_PER_COUNTY, _COMMUNITIES_PER_TOWN = 5, 6
_FIRST = ("梅", "兰", "竹", "菊", "松", "柏", "桂", "荷", "枫", "杏", "榆", "槐")
_FIRST_EN = ("Mei", "Lan", "Zhu", "Ju", "Song", "Bai", "Gui", "He", "Feng", "Xing", "Yu", "Huai")
_URBAN, _URBAN_EN = ("园", "里", "桥", "苑", "坊"), ("yuan", "li", "qiao", "yuan", "fang")
_RURAL, _RURAL_EN = ("溪", "岭", "坪", "塘", "湾"), ("xi", "ling", "ping", "tang", "wan")


@dataclass(frozen=True)
class City:
    """Areas as a table, one row per community, and latent qualities of communities as arrays in the same order."""

    areas: pl.DataFrame
    size: np.ndarray
    age_shift: np.ndarray
    finds: np.ndarray
    visits: np.ndarray
    face_to_face: np.ndarray
    controls: np.ndarray
    spends: np.ndarray
    covers: np.ndarray
    rounds: np.ndarray


def build_city(rng: np.random.Generator) -> City:
    """Two counties, five townships each, six communities each; the second county and outer towns are rural."""
    rows = []
    for county, (county_id, county_name, county_en) in enumerate(COUNTIES):
        for town in range(_TOWNS_PER_COUNTY):
            rural = county == 1 and town > 0
            town_id = f"{county_id}{(200 if rural else 1) + town:03d}"
            town_name = _FIRST[county * 6 + town] + ("乡" if rural else "街道")
            town_en = _FIRST_EN[county * 6 + town] + (" township" if rural else " street")
            for place in range(_COMMUNITIES_PER_TOWN):
                kind, kind_en = (_RURAL, _RURAL_EN) if rural else (_URBAN, _URBAN_EN)
                at = (town + place) % 5
                first = (county * 5 + town * 3 + place * 2) % 12
                code = "220" if rural and place else "210" if rural else ("111", "112", "121")[place % 3]
                rows.append(
                    (
                        f"{town_id}{(200 if rural else 0) + place + 1:03d}",
                        f"{_FIRST[first]}{kind[at]}{'村' if rural else '社区'}",
                        f"{_FIRST_EN[first]}{kind_en[at]} {'village' if rural else 'community'}",
                        town_id,
                        town_name,
                        town_en,
                        county_id,
                        county_name,
                        county_en,
                        *CITY,
                        code,
                    )
                )
    names = [
        f"{level}_{part}" for level in ("community", "township", "county", "city") for part in ("id", "name", "name_en")
    ]
    areas = pl.DataFrame(rows, schema=[*names, "urban_rural_code"], orient="row")
    n = areas.height
    villages = areas["urban_rural_code"].is_in(["210", "220"]).to_numpy()
    size = np.exp(rng.normal(0, 0.35, n)) * np.where(villages, 0.85, 1.2)
    return City(
        areas=areas,
        size=size / size.sum(),
        age_shift=np.where(villages, 0.35, 0.0) + rng.normal(0, 0.15, n),
        finds=np.clip(rng.normal(0.62, 0.12, n) - 0.05 * villages, 0.25, 0.95),
        visits=np.clip(rng.normal(0.72, 0.12, n) - 0.04 * villages, 0.30, 0.97),
        face_to_face=np.clip(rng.normal(0.80, 0.10, n), 0.40, 0.99),
        controls=rng.normal(0, 4.0, n) + 2.5 * villages,
        spends=np.clip(rng.normal(0.93, 0.12, n), 0.45, 1.25),
        covers=np.clip(rng.uniform(0.85, 0.97, n), 0.85, 0.97),
        rounds=rng.random(n) < 0.15,
    )
