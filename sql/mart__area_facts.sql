-- Figures that arrive already counted, one row per fact, area and subgroup. A missing figure is no row, not a zero.
select
    p.period,
    f.feed,
    f.fact,
    f.area_id,
    f.sex,
    f.age_band,
    cast(sum(f.value) as decimal(38, 6)) as value
from ref__fact_rows as f
cross join ref__period as p
where f.value is not null
group by p.period, f.feed, f.fact, f.area_id, f.sex, f.age_band
